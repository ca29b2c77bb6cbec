import { GetRecordsCommand, type GetRecordsCommandInput, type KinesisClient } from '@aws-sdk/client-kinesis';
import { requestPattern, type RequestPattern, type Send } from '../../aws/request-pattern.ts';
import { SignedCalls } from '../../aws/signed-calls.ts';
import type { Clock } from '../../lib/clock.ts';
import type { GetRecordsResult } from '../stream-client.ts';
import { isJsonAnswer, readAnswer, type Answer } from './answer.ts';
import { encodeCborMap } from './cbor-answer.ts';

/**
 * How requests and answers are written. In CBOR records come as bytes, a quarter smaller, and are read where they lie; not
 * every emulator knows it.
 */
export type WireFormat = 'CBOR' | 'JSON';

const CONTENT_TYPES: Record<WireFormat, string> = {
  CBOR: 'application/x-amz-cbor-1.1',
  JSON: 'application/x-amz-json-1.1',
};

type Patterns = Record<WireFormat, RequestPattern>;

export interface ReadOptions {
  abortSignal: AbortSignal;
  /** Called whenever something of the answer has come. */
  onHeard: () => void;
}

/**
 * GetRecords without the SDK's middleware, which costs four times as much CPU as signing and sending a request, and twice as
 * much as reading an answer's records. Endpoint, region, credentials and the way to the network are the client's.
 */
export class GetRecordsCall {
  readonly #client: KinesisClient;
  readonly #calls: SignedCalls;
  #patterns: Patterns | undefined;
  /** Undefined until it is known what the endpoint speaks. */
  #format: WireFormat | undefined;
  #asking: Promise<void> | undefined;

  constructor(client: KinesisClient, { clock, format }: { clock: Clock; format?: WireFormat | undefined }) {
    this.#client = client;
    this.#calls = new SignedCalls(client, clock);
    this.#format = format;
  }

  /** @throws what the SDK would throw */
  async read(input: GetRecordsCommandInput, options: ReadOptions): Promise<GetRecordsResult> {
    this.#patterns ??= await this.#findPatterns(input, options);
    while (this.#format === undefined && this.#asking) await this.#asking;
    return this.#format === undefined
      ? this.#ask(this.#patterns, input, options)
      : readAnswer(await this.#send(this.#patterns, this.#format, input, options));
  }

  async #findPatterns(input: GetRecordsCommandInput, { abortSignal }: ReadOptions): Promise<Patterns> {
    const send: Send = (command, bounded) => this.#client.send(command, bounded);
    const pattern = await requestPattern(send, new GetRecordsCommand(input), abortSignal);
    const as = (format: WireFormat) => ({
      ...pattern,
      headers: { ...pattern.headers, 'content-type': CONTENT_TYPES[format] },
    });
    return { CBOR: as('CBOR'), JSON: as('JSON') };
  }

  /**
   * The first call: in CBOR, and if that is not answered so, in JSON at once. What the endpoint speaks is known when the
   * answer begins; others wait for that.
   */
  async #ask(
    patterns: Patterns,
    input: GetRecordsCommandInput,
    options: ReadOptions,
  ): Promise<GetRecordsResult> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#asking = promise;
    const told = () => {
      this.#asking = undefined;
      resolve();
    };
    try {
      const first = await this.#send(patterns, 'CBOR', input, options, (isCbor) => {
        if (!isCbor) return;
        this.#format = 'CBOR';
        told();
      });
      if (first.isCbor) return readAnswer(first);
      // Where neither brings records, nothing is known of the endpoint.
      const result = isJsonAnswer(first)
        ? readAnswer(first)
        : readAnswer(await this.#send(patterns, 'JSON', input, options));
      this.#format = 'JSON';
      return result;
    } finally {
      told();
    }
  }

  async #send(
    patterns: Patterns,
    format: WireFormat,
    input: GetRecordsCommandInput,
    { abortSignal, onHeard }: ReadOptions,
    onBegin: (isCbor: boolean) => void = () => {},
  ): Promise<Answer> {
    const { ShardIterator, Limit, StreamARN } = input;
    const body =
      format === 'CBOR' ? encodeCborMap({ ShardIterator, Limit, StreamARN }) : JSON.stringify(input);
    const answer = await this.#calls.send(patterns[format], body, {
      abortSignal,
      onHeard: (contentType) => {
        onHeard();
        if (contentType !== undefined) onBegin(isCbor(contentType));
      },
    });
    return Object.assign(answer, { isCbor: isCbor(answer.contentType) });
  }
}

function isCbor(contentType: string | undefined): boolean {
  return contentType?.startsWith(CONTENT_TYPES.CBOR) ?? false;
}
