import {
  DescribeStreamSummaryCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  type ListShardsCommandInput,
  type ListShardsCommandOutput,
} from '@aws-sdk/client-kinesis';
import { regionOfArn } from '../../api/arn.ts';
import { abortError, withDeadline, type Clock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import { SilenceWatch } from '../../lib/silence-watch.ts';
import { awsClientConfig, type AwsKeys } from '../../aws/client-config.ts';
import type { AwsCredentials } from '../../aws/credentials.ts';
import { translateAwsError } from '../../aws/errors.ts';
import { AwsHttp2Handler } from '../../aws/http2-handler.ts';
import { tryAgain } from '../../aws/try-again.ts';
import { subscribeOver } from './subscribe.ts';
import { GetRecordsCall, type WireFormat } from './get-records-call.ts';
import { readShard, readSummary, wireFilter, wirePosition } from './stream-wire.ts';
import type { Shard } from '../shard.ts';
import type { CallOptions, StreamClient } from '../stream-client.ts';

export interface AwsStreamClientOptions {
  /** In the account and region of the credentials. */
  streamName: string;
  /** Used in place of the name when known; needed for a stream of another account. */
  streamArn?: string | undefined;
  /** Default: of the ARN, then AWS_REGION. */
  region?: string | undefined;
  /** `http://…` or `https://…`, for emulators and VPC endpoints. */
  endpoint?: string | undefined;
  /** Default: the SDK's chain (environment, web identity, container, instance). */
  credentials?: AwsCredentials | AwsKeys | undefined;
  /** Of the same region, endpoint and credentials: what all calls but those of records go by. It is not closed. Default: one of its own. */
  control?: KinesisClient | undefined;
  /** The same for calls of records; asked for at the first of them. */
  reads?: (() => KinesisReads) | undefined;
  clock: Clock;
  /**
   * Bound of one call, ms. Default 10,000. GetRecords may take as long as its answer comes in, however slowly: its bound is
   * for silence, and three times as long before the first byte.
   */
  callTimeoutMs?: number;
  /** Of GetRecords. Default: CBOR where the endpoint knows it, which the first call finds out, else JSON. */
  format?: WireFormat | undefined;
  /** Whose credentials they are, for error messages. Default: the worker's role. */
  principal?: string;
  /** See `tryAgain`; GetRecords has a reader that comes again. Default false: one attempt a call. */
  triesAgain?: boolean;
}

/** What reads records. */
export interface KinesisReads {
  client: KinesisClient;
  records: GetRecordsCall;
}

const CONNECTION_TIMEOUT_MS = 3_000;
const MAX_SOCKETS = 256;

/**
 * The port over the AWS SDK: HTTP/1.1 with keep-alive (the SDK's own default opens an HTTP/2 session per call), one
 * attempt a call, each with a deadline. GetRecords has a client of its own, so that long reads and everything else
 * never wait for one another's sockets. Subscriptions come over HTTP/2, a connection each.
 */
export function awsStreamClient(options: AwsStreamClientOptions): StreamClient {
  const control = options.control ?? kinesisClient(options);
  if (options.triesAgain) tryAgain(control, options);
  /** Most operators never read, and most workers never subscribe. */
  let reading: KinesisReads | undefined;
  let subscriptions: KinesisClient | undefined;
  const names = streamNames(options);
  const timeoutMs = options.callTimeoutMs ?? 10_000;
  const { call, translated } = callsOf(options, names.resource);
  const reads = new SilenceWatch(options.clock, { silenceMs: timeoutMs, firstMs: 3 * timeoutMs });

  return {
    describe: ({ signal } = {}) =>
      call('DescribeStreamSummary', timeoutMs, signal, async (abortSignal) => {
        const command = new DescribeStreamSummaryCommand(names.input);
        const { StreamDescriptionSummary } = await control.send(command, { abortSignal });
        return readSummary(StreamDescriptionSummary);
      }),

    now: ({ signal } = {}) =>
      call('DescribeStreamSummary', timeoutMs, signal, async (abortSignal) => {
        const command = new DescribeStreamSummaryCommand(names.input);
        const answer = withDate(command);
        await control.send(command, { abortSignal });
        return answer.dateMs;
      }),

    listShards: (filter, { signal }: CallOptions = {}) =>
      // A token stands for the stream and the filter; the service refuses a name beside it.
      listPages({ ...names.input, ShardFilter: wireFilter(filter) }, (input) =>
        call('ListShards', timeoutMs, signal, (abortSignal) =>
          control.send(new ListShardsCommand(input), { abortSignal }),
        ),
      ),

    getIterator: (shardId, position, { signal } = {}) =>
      call('GetShardIterator', timeoutMs, signal, async (abortSignal) => {
        const command = new GetShardIteratorCommand({
          ...names.input,
          ShardId: shardId,
          ...wirePosition(position),
        });
        const { ShardIterator } = await control.send(command, { abortSignal });
        if (ShardIterator) return ShardIterator;
        throw new KcgError('Unavailable', `GetShardIterator gave no iterator for ${shardId}`);
      }),

    getRecords: (iterator, limit, { signal } = {}) =>
      translated('GetRecords', signal, () =>
        reads.run('kinesis:GetRecords', signal, (abortSignal, onHeard) =>
          (reading ??= options.reads?.() ?? kinesisReads(options)).records.read(
            { ShardIterator: iterator, Limit: limit, ...names.arnInput },
            { abortSignal, onHeard },
          ),
        ),
      ),

    subscribe(request, { signal } = {}) {
      const client = (subscriptions ??= fanOutClient(options));
      const { call, translate } = callsOf(options, request.consumerArn);
      return call('SubscribeToShard', timeoutMs, signal, (bounded) =>
        subscribeOver(client, request, {
          bounded,
          translate: (thrown) => translate('SubscribeToShard', thrown),
        }),
      );
    },

    close() {
      if (control !== options.control) control.destroy();
      if (!options.reads) reading?.client.destroy();
      subscriptions?.destroy();
    },
  };
}

async function listPages(
  first: ListShardsCommandInput,
  page: (input: ListShardsCommandInput) => Promise<ListShardsCommandOutput>,
): Promise<Shard[]> {
  const shards: Shard[] = [];
  let input: ListShardsCommandInput | undefined = first;
  while (input) {
    const { Shards = [], NextToken }: ListShardsCommandOutput = await page(input);
    shards.push(...Shards.map(readShard));
    input = NextToken ? { NextToken } : undefined;
  }
  return shards;
}

/** Notes when the service answered, by its own clock: what it says of time stands in a header, which the SDK keeps to itself. */
function withDate(command: DescribeStreamSummaryCommand): { dateMs: number | undefined } {
  const answer: { dateMs: number | undefined } = { dateMs: undefined };
  command.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { headers } = result.response as { headers?: Record<string, string> };
      const dateMs = Date.parse(headers?.['date'] ?? '');
      answer.dateMs = Number.isNaN(dateMs) ? undefined : dateMs;
      return result;
    },
    { step: 'deserialize', name: 'noteDate' },
  );
  return answer;
}

interface Calls {
  /** Bounds a call in time, ms, and translates what it throws. */
  call: <T>(
    operation: string,
    boundMs: number,
    signal: AbortSignal | undefined,
    work: (abortSignal: AbortSignal) => Promise<T>,
  ) => Promise<T>;
  /** Translates what a call throws. */
  translated: <T>(operation: string, signal: AbortSignal | undefined, work: () => Promise<T>) => Promise<T>;
  translate: (operation: string, thrown: unknown) => KcgError;
}

function callsOf(options: AwsStreamClientOptions, resource: string): Calls {
  const { clock, principal = "the worker's role", endpoint } = options;
  const region = regionOf(options);
  const translate: Calls['translate'] = (operation, thrown) =>
    translateAwsError(thrown, { action: `kinesis:${operation}`, resource, principal, endpoint, region });
  const translated: Calls['translated'] = async (operation, signal, work) => {
    try {
      return await work();
    } catch (thrown) {
      if (signal?.aborted) throw abortError(signal);
      throw translate(operation, thrown);
    }
  };
  return {
    translate,
    translated,
    call: (operation, boundMs, signal, work) =>
      translated(operation, signal, () =>
        withDeadline(clock, boundMs, { what: `kinesis:${operation}`, signal }, work),
      ),
  };
}

function streamNames({ streamName, streamArn, region }: AwsStreamClientOptions) {
  if (streamArn !== undefined) {
    return { resource: streamArn, input: { StreamARN: streamArn }, arnInput: { StreamARN: streamArn } };
  }
  const resource = `stream ${streamName}${region === undefined ? '' : ` in ${region}`}`;
  return { resource, input: { StreamName: streamName }, arnInput: {} };
}

/** For many streams of a region; the caller's to destroy. */
export function kinesisClient(
  options: Pick<
    AwsStreamClientOptions,
    'region' | 'streamArn' | 'endpoint' | 'credentials' | 'callTimeoutMs'
  >,
): KinesisClient {
  return new KinesisClient(clientConfig(options));
}

/** As `kinesisClient`. */
export function kinesisReads(
  options: Parameters<typeof kinesisClient>[0] & Pick<AwsStreamClientOptions, 'clock' | 'format'>,
): KinesisReads {
  const client = new KinesisClient(clientConfig(options, { sharesReads: true }));
  return { client, records: new GetRecordsCall(client, options) };
}

function fanOutClient(options: AwsStreamClientOptions): KinesisClient {
  return new KinesisClient({ ...clientConfig(options), requestHandler: new AwsHttp2Handler() });
}

function clientConfig(options: Parameters<typeof kinesisClient>[0], network: { sharesReads?: boolean } = {}) {
  const { endpoint, credentials, callTimeoutMs = 10_000 } = options;
  return awsClientConfig({
    region: regionOf(options),
    endpoint,
    credentials,
    connectionTimeoutMs: CONNECTION_TIMEOUT_MS,
    socketTimeoutMs: callTimeoutMs,
    maxSockets: MAX_SOCKETS,
    ...network,
  });
}

/** Undefined: as AWS is configured on this machine. */
function regionOf({
  region,
  streamArn,
}: Pick<AwsStreamClientOptions, 'region' | 'streamArn'>): string | undefined {
  return region ?? regionOfArn(streamArn);
}
