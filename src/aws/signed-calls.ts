import type { IncomingMessage } from 'node:http';
import type { Clock } from '../lib/clock.ts';
import type { AwsKeys } from './client-config.ts';
import { readBody } from './read-body.ts';
import type { RequestPattern } from './request-pattern.ts';
import { RequestSigner } from './sign-request.ts';

/** What is used of an SDK client. */
interface Client {
  config: {
    credentials: () => Promise<AwsKeys>;
    requestHandler: {
      handle: (request: never, options?: { abortSignal: AbortSignal }) => Promise<{ response: unknown }>;
    };
  };
}

/** An answer, good or bad. */
export interface SignedAnswer {
  status: number;
  /** As the header names it. */
  errorType: string | undefined;
  contentType: string | undefined;
  /** To be taken out (`takeOut`) where it is large. */
  body: Buffer;
}

export interface SignedCallOptions {
  /** The client's, where the caller has just asked for them. */
  keys?: AwsKeys | undefined;
  abortSignal?: AbortSignal | undefined;
  /** Called whenever something of the answer has come; first with the type of what follows. */
  onHeard?: ((contentType?: string) => void) | undefined;
}

/**
 * Calls without the SDK's middleware, which costs four times as much CPU as signing and sending a request. Credentials and the
 * way to the network are the client's.
 */
export class SignedCalls {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #signer = new RequestSigner();
  /** How far the service's clock is ahead, ms: it refuses what is signed at another time. */
  #aheadMs = 0;

  constructor(client: Client, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** @throws what the SDK's handler throws, and what ends the body too soon */
  async send(
    { protocol, hostname, port, path, headers, plainHeaders, scope }: RequestPattern,
    body: string | Uint8Array,
    { keys: given, abortSignal, onHeard = () => {} }: SignedCallOptions,
  ): Promise<SignedAnswer> {
    const { config } = this.#client;
    const keys = given ?? (await config.credentials());
    const atMs = this.#clock.now() + this.#aheadMs;
    const signed = this.#signer.sign({ path, headers, plainHeaders, body }, { keys, scope, atMs });
    signed['content-length'] = String(Buffer.byteLength(body));
    const request = {
      protocol,
      hostname,
      ...(port === undefined ? {} : { port }),
      path,
      method: 'POST',
      query: {},
      headers: signed,
      body,
    };
    const { response } = (await config.requestHandler.handle(
      request as never,
      abortSignal && { abortSignal },
    )) as {
      response: { statusCode: number; headers: Record<string, string>; body: IncomingMessage };
    };
    const serviceTime = Date.parse(response.headers['date'] ?? '');
    // Now, as the rest may take long. An answer with an age is a cache's.
    if (!Number.isNaN(serviceTime) && response.headers['age'] === undefined)
      this.#aheadMs = serviceTime - this.#clock.now();
    const contentType = response.headers['content-type'];
    onHeard(contentType ?? '');
    return Object.assign(await readBody(response.body, onHeard), {
      status: response.statusCode,
      errorType: response.headers['x-amzn-errortype'],
      contentType,
    });
  }
}
