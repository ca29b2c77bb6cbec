import { NodeHttpHandler } from '@smithy/node-http-handler';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { directRequest, type WholeRequest } from './direct-request.ts';
import { sharedReads } from './shared-reads.ts';
import { proxyFor, type ProxyEnv } from './proxy.ts';

export interface RequestHandlerOptions {
  /** Bound of TCP and of a proxy's answer, ms. */
  connectionTimeoutMs: number;
  /** Longest silence on a connection, ms. */
  socketTimeoutMs: number;
  /** Per host; requests beyond it wait their turn. */
  maxSockets: number;
  /**
   * See `sharedReads` and `directRequest`, whose callers bound the silence themselves; not by a proxy, whose tunnel is read
   * in another way. Default false.
   */
  sharesReads?: boolean;
  /** Where proxies are named; default the process's own. */
  env?: ProxyEnv;
}

type HandleArguments = Parameters<NodeHttpHandler['handle']>;

/** On errors of requests that got no answer: where they went. */
export interface Unanswered {
  awsRequest: { protocol: string; host: string; proxy: string | undefined };
}

/**
 * How every AWS client speaks to the network, those that fetch credentials too: HTTP/1.1 with keep-alive (the SDK's own
 * default for Kinesis opens an HTTP/2 session per call), by the proxy that the environment names, and with the host in
 * what is thrown: the SDK's errors tell an address at best, and no caller knows which of its hosts was called.
 */
export class AwsRequestHandler extends NodeHttpHandler {
  readonly #options: RequestHandlerOptions;
  readonly #env: ProxyEnv;
  readonly #agents: ReturnType<typeof handlerOptions>;
  readonly #proxied = new Map<string, NodeHttpHandler>();

  constructor(options: RequestHandlerOptions) {
    const own = handlerOptions(options);
    super(own);
    this.#agents = own;
    this.#options = options;
    this.#env = options.env ?? process.env;
  }

  /** @throws KcgError `InvalidInput` for a proxy that cannot be one; else what the network says, as `Unanswered` */
  override async handle(...[request, options]: HandleArguments): ReturnType<NodeHttpHandler['handle']> {
    const { protocol, hostname, port } = request;
    const proxy = proxyFor({ protocol, hostname, port }, this.#env);
    try {
      if (proxy) return await this.#by(proxy).handle(request, options);
      return await (this.#options.sharesReads
        ? this.#direct(request, options)
        : super.handle(request, options));
    } catch (thrown) {
      if (thrown instanceof Error) {
        const host = `${hostname}:${port ?? (protocol === 'https:' ? 443 : 80)}`;
        const awsRequest: Unanswered['awsRequest'] = { protocol, host, proxy: proxy?.host };
        Object.assign(thrown, { awsRequest });
      }
      throw thrown;
    }
  }

  override destroy(): void {
    super.destroy();
    for (const handler of this.#proxied.values()) handler.destroy();
  }

  async #direct(...[request, options]: HandleArguments): ReturnType<NodeHttpHandler['handle']> {
    const message = await directRequest(request as WholeRequest, {
      agents: { http: this.#agents.httpAgent, https: this.#agents.httpsAgent },
      connectionTimeoutMs: this.#options.connectionTimeoutMs,
      abortSignal: options?.abortSignal as AbortSignal | undefined,
    });
    const { statusCode = 0, headers } = message;
    return { response: { statusCode, headers, body: message } as never };
  }

  #by(proxy: URL): NodeHttpHandler {
    const known = this.#proxied.get(proxy.href) ?? new NodeHttpHandler(handlerOptions(this.#options, proxy));
    this.#proxied.set(proxy.href, known);
    return known;
  }
}

function handlerOptions(
  { connectionTimeoutMs, socketTimeoutMs, maxSockets, sharesReads = false }: RequestHandlerOptions,
  proxy?: URL,
) {
  const proxyEnv = proxy && { HTTP_PROXY: proxy.href, HTTPS_PROXY: proxy.href };
  const onread = sharesReads && !proxy ? { onread: sharedReads() } : {};
  const agent = { keepAlive: true, maxSockets, ...onread, ...(proxyEnv ? { proxyEnv } : {}) };
  return {
    connectionTimeout: connectionTimeoutMs,
    socketTimeout: socketTimeoutMs,
    httpAgent: new HttpAgent(agent),
    httpsAgent: new HttpsAgent(agent),
  };
}
