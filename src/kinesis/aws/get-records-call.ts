import type { GetRecordsCommandInput, KinesisClient } from '@aws-sdk/client-kinesis';
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import type { GetRecordsResult } from '../stream-client.ts';
import { readJsonAnswer } from './json-answer.ts';
import { readBody } from './read-body.ts';
import { requestPattern, type RequestPattern } from './request-pattern.ts';
import { RequestSigner } from './sign-request.ts';

export interface ReadOptions {
  abortSignal: AbortSignal;
  /** Called whenever something of the answer has come. */
  onHeard: () => void;
}

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

/**
 * GetRecords without the SDK's middleware, which costs four times as much CPU as signing and sending a request, and twice as
 * much as reading an answer's records. Endpoint, region, credentials and the way to the network are the client's.
 */
export class GetRecordsCall {
  readonly #client: KinesisClient;
  readonly #clock: Clock;
  readonly #signer = new RequestSigner();
  #pattern: RequestPattern | undefined;
  /** How far the service's clock is ahead, ms: it refuses what is signed at another time. */
  #aheadMs = 0;

  constructor(client: KinesisClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** @throws what the SDK would throw */
  async read(input: GetRecordsCommandInput, options: ReadOptions): Promise<GetRecordsResult> {
    this.#pattern ??= await requestPattern(this.#client, input, options.abortSignal);
    const answer = await this.#send(this.#pattern, input, options);
    if (answer.status !== 200) throw serviceError(answer);
    return readAnswer(answer.body);
  }

  async #send(
    { headers, plainHeaders, scope, ...to }: RequestPattern,
    input: GetRecordsCommandInput,
    { abortSignal, onHeard }: ReadOptions,
  ): Promise<Answer> {
    const { config } = this.#client;
    const body = JSON.stringify(input);
    const keys = await config.credentials();
    const sentAt = this.#clock.now();
    const signed = this.#signer.sign(
      { path: to.path, headers: { ...headers, 'content-type': 'application/x-amz-json-1.1' }, body },
      { keys, scope, atMs: sentAt + this.#aheadMs },
    );
    const request = {
      ...to,
      method: 'POST',
      query: {},
      headers: { ...plainHeaders, ...signed, 'content-length': String(Buffer.byteLength(body)) },
      body,
    };
    const { response } = (await config.requestHandler.handle(request as never, { abortSignal })) as {
      response: { statusCode: number; headers: Record<string, string>; body: IncomingMessage };
    };
    onHeard();
    const content = await readBody(response.body, onHeard);
    const serviceTime = Date.parse(response.headers['date'] ?? '');
    // An answer with an age is a cache's.
    if (!Number.isNaN(serviceTime) && response.headers['age'] === undefined)
      this.#aheadMs = serviceTime - this.#clock.now();
    return { status: response.statusCode, headers: response.headers, body: content };
  }
}

/** @throws KcgError `Unavailable` for a body that is no answer of GetRecords: a missing iterator means shard end, so nothing is guessed. */
function readAnswer(body: Buffer): GetRecordsResult {
  let cause: unknown;
  try {
    const result = readJsonAnswer(body);
    if (result) return result;
  } catch (error) {
    cause = error;
  }
  throw new KcgError('Unavailable', 'the endpoint answered GetRecords with something else', {
    cause,
    fix: 'Check that the endpoint is a Kinesis endpoint, and what is in between.',
  });
}

/** As the SDK tells it. */
function serviceError({ status, headers, body }: Answer): Error {
  const $metadata = { httpStatusCode: status };
  try {
    const text = body.toString('utf8');
    const told = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> | null;
    const type = headers['x-amzn-errortype'] ?? told?.['__type'] ?? told?.['code'];
    const message = told?.['message'] ?? told?.['Message'];
    const name = typeof type === 'string' ? type.split(/[,:]/, 1)[0]!.replace(/^.*#/, '') : 'UnknownError';
    const error = new Error(typeof message === 'string' && message !== '' ? message : 'UnknownError');
    return Object.assign(error, { name, $metadata });
  } catch (thrown) {
    return Object.assign(thrown as Error, { $metadata });
  }
}
