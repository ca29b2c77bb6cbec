import { NodeHttp2Handler } from '@smithy/node-http-handler';
import { KcgError } from '../lib/errors.ts';
import { openTunnel } from './http2-tunnel.ts';
import { proxyFor, type ProxyEnv } from './proxy.ts';
import type { Unanswered } from './request-handler.ts';

type HandleArguments = Parameters<NodeHttp2Handler['handle']>;

/** What Node says of an answer that is not HTTP/2. */
const NOT_HTTP2 = /^(Protocol error|h2 is not supported)/;

/**
 * HTTP/2 for what the service offers over it alone, a connection for each request: so the SDK has it for event streams, and a
 * connection that is lost ends one subscription, not all of them. By the proxy that the environment names, through a tunnel.
 */
export class AwsHttp2Handler extends NodeHttp2Handler {
  readonly #env: ProxyEnv;

  /** `env`: where proxies are named; default the process's own. */
  constructor(env: ProxyEnv = process.env) {
    super({ disableConcurrentStreams: true });
    this.#env = env;
  }

  /** @throws KcgError `Unsupported` where HTTP/2 does not pass; else what the network says, as `Unanswered` */
  override async handle(...[request, options = {}]: HandleArguments): ReturnType<NodeHttp2Handler['handle']> {
    const { protocol, hostname } = request;
    const port = request.port ?? (protocol === 'https:' ? 443 : 80);
    const proxy = proxyFor({ protocol, hostname, port }, this.#env);
    try {
      if (!proxy) return await super.handle(request, options);
      const signal = options.abortSignal as AbortSignal | undefined;
      const socket = await openTunnel(proxy, { protocol, hostname, port }, signal);
      const nodeHttp2ConnectOptions = { createConnection: () => socket };
      const through = new NodeHttp2Handler({ disableConcurrentStreams: true, nodeHttp2ConnectOptions });
      return await through.handle(request, options);
    } catch (thrown) {
      if (!(thrown instanceof Error) || thrown instanceof KcgError) throw thrown;
      const host = `${hostname}:${port}`;
      if (NOT_HTTP2.test(thrown.message)) throw noHttp2(host, proxy, thrown);
      const awsRequest: Unanswered['awsRequest'] = { protocol, host, proxy: proxy?.host };
      throw Object.assign(networkError(thrown), { awsRequest });
    }
  }
}

function noHttp2(host: string, proxy: URL | undefined, cause: Error): KcgError {
  const way = proxy ? `${host} by the proxy ${proxy.host}` : host;
  const fix = proxy
    ? `Let the proxy pass HTTP/2 to ${host} as it is, or name the host in NO_PROXY, or use consumer.type Polling.`
    : 'Name an endpoint that speaks HTTP/2, or use consumer.type Polling.';
  return new KcgError('Unsupported', `enhanced fan-out needs HTTP/2, and ${way} does not speak it`, {
    cause,
    fix,
  });
}

/** Node tells of streams what befell their connection; and the SDK calls a lost one a timeout. */
function networkError(thrown: Error & { code?: unknown }): Error {
  if (thrown.message.endsWith('did not get a response'))
    return Object.assign(thrown, { name: 'Error', code: 'ECONNRESET' });
  // That of a DOMException is a number.
  if (!String(thrown.code).startsWith('ERR_HTTP2_')) return thrown;
  const { code = 'ECONNRESET' } = (thrown.cause ?? {}) as { code?: string };
  return Object.assign(thrown, { code });
}
