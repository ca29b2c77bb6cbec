import type { StreamSummary } from '../../kinesis/stream-client.ts';
import { deaggregate } from '../../kinesis/kpl/deaggregate.ts';
import { isPayloadPosition } from '../../kinesis/payload-position.ts';
import { positionOf, type UserRecord } from '../../kinesis/record.ts';
import { count } from '../../lib/count.ts';
import { describeError, hasCode } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { undecodable } from '../payload/payloads.ts';
import { orUndecodable, takeDecodable } from '../payload/take-decodable.ts';
import type { Handler } from '../handlers/handler.ts';
import { fetchAgain, isCutOtherwise, type FetchOptions } from './fetch-again.ts';
import { openReceiver, type Receiver } from './receiver.ts';
import { readStoredBatch, type BatchStore, type StoredBatch, type StoredText } from './stored-batch.ts';

export interface RedriveOptions extends FetchOptions {
  store: BatchStore;
  groupId: string;
  region: string;
  summary: Pick<StreamSummary, 'name' | 'arn'>;
  /** Started. Not used in a dry run. */
  handler: Handler;
  /** Most records in a batch. */
  batchSize: number;
  /** For a batch, ms. */
  timeoutMs: number;
  /** Finds the records, hands over and removes nothing. */
  dryRun: boolean;
  /** Batches of which records are gone are removed once what is left of them is done. */
  acceptLoss: boolean;
  log: Log;
  onLine: (line: string) => void;
}

export interface RedriveResult {
  /** Batches whose records are done, or would be in a dry run. */
  done: number;
  records: number;
  /** Batches left there: the handler failed, the shard is throttled or an earlier one holds it back; or records are gone. */
  failed: number;
  gone: number;
  /** Of other groups and streams, or no record of a batch: left there, nobody's fault. */
  others: number;
}

/**
 * Hands what was given up to the group's handler again, one batch after the other. A batch is removed from its store when
 * the handler is done with all its records, and stays there whole when not.
 */
export async function redrive(options: RedriveOptions): Promise<RedriveResult> {
  const { store, signal, onLine, payloads } = options;
  const result: RedriveResult = { done: 0, records: 0, failed: 0, gone: 0, others: 0 };
  const passes = orUndecodable(options.passes, payloads?.decode);
  const run = { passes, throttled: new Set<string>(), whole: new Set<string>() };
  /** Shards of which something stays before what comes now: a queue gives several of a shard at once. */
  const held = new Set<string>();
  for await (const stored of store.list(signal)) {
    if (signal.aborted) break;
    const batch = readStoredBatch(stored.text);
    if (!batch || !isOwn(batch, options)) {
      result.others += 1;
      continue;
    }
    const { outcome, records, line } = held.has(batch.shardId)
      ? HELD_BACK
      : await one(stored, batch, { ...options, ...run });
    // What was handed over is told; a failure may be that of being stopped.
    if (signal.aborted && outcome !== 'done') break;
    result[outcome] += 1;
    if (outcome === 'done') result.records += records;
    else if (store.isOrdered) held.add(batch.shardId);
    onLine(`${nameOf(batch)}: ${line}${outcome === 'done' ? '' : `: ${stored.id}`}`);
  }
  const { done, failed, gone, others } = result;
  if (store.isOrdered && !signal.aborted && failed + gone + others + (options.dryRun ? done : 0) > 0)
    onLine(options.dryRun ? DRY_IN_FIFO : LEFT_IN_FIFO);
  return result;
}

/** Undefined: others read the shard so much that it cannot be read. No fault of other shards, and of no use to wait for once more. */
async function unlessThrottled<T>(
  { shardId }: StoredBatch,
  throttled: Set<string>,
  read: () => Promise<T>,
): Promise<T | undefined> {
  if (throttled.has(shardId)) return undefined;
  try {
    return await read();
  } catch (thrown) {
    if (!hasCode(thrown, 'Throttled')) throw thrown;
    throttled.add(shardId);
    return undefined;
  }
}

/** Batches that Lambda wrote for this stream count, too. */
function isOwn(batch: StoredBatch, { groupId, summary }: RedriveOptions): boolean {
  return batch.streamArn === summary.arn && (batch.groupId === undefined || batch.groupId === groupId);
}

interface One {
  outcome: 'done' | 'failed' | 'gone';
  records: number;
  line: string;
}

const LEFT_IN_FIFO =
  'what stays in a FIFO queue may hold back more of its shard: run this again once that is done';
/** SQS gives ten messages of a group at most until they are removed. */
const DRY_IN_FIFO = 'of each shard a dry run sees the first ten messages of a FIFO queue at most';

const HELD_BACK: One = { outcome: 'failed', records: 0, line: 'behind one that stays; left there' };

/** What a run knows of earlier batches. */
interface Run {
  /** Shards. */
  throttled: Set<string>;
  /** Records that are done though only a part of them was given up, as `format` has been corrected since. */
  whole: Set<string>;
}

async function one(
  stored: StoredText,
  batch: StoredBatch,
  { throttled, whole, ...options }: RedriveOptions & Run,
): Promise<One> {
  const { dryRun, acceptLoss } = options;
  const fetched = await unlessThrottled(batch, throttled, () => fetchAgain(batch, options));
  if (!fetched) return { outcome: 'failed', records: 0, line: 'the shard stays throttled; left there' };
  const { records: kept, isWhole } = fetched;
  const nameOfRecord = (record: UserRecord) => `${batch.shardId} ${positionOf(record)}`;
  const found = isWhole ? kept : (openedAgain(batch, options) ?? kept);
  const records = found.filter((record) => !whole.has(nameOfRecord(record)));
  // Of a batch that Lambda read in lanes, more lie in its range than it had: the first is missing all the same.
  const lost = isWhole || batch.payload ? 0 : Math.max(1, batch.batchSize - kept.length);
  const from = !isWhole && batch.payload ? ', as they were kept there, being gone from the stream' : '';
  const size = count(records.length, 'record');
  if (lost > 0 && !acceptLoss) {
    const what = `${lost} of ${count(batch.batchSize, 'record')} ${lost === 1 ? 'is' : 'are'} gone from the stream; left there`;
    const hint =
      records.length > 0
        ? ' (--accept-loss hands over the others and removes it)'
        : ' (--accept-loss removes it)';
    return { outcome: 'gone', records: 0, line: `${what}${hint}` };
  }
  const without = lost > 0 ? `, without ${lost} that are gone` : '';
  const before = found.length - records.length;
  const earlier = before > 0 ? `, ${before} with an earlier batch` : '';
  const failure = dryRun ? notOfFormat(records, options) : await handOver(batch, records, options);
  if (failure !== undefined)
    return { outcome: 'failed', records: 0, line: `${failure.replace(/\.$/, '')}; left there` };
  if (!dryRun) await stored.remove();
  for (const record of records) if (isCutOtherwise(batch, record)) whole.add(nameOfRecord(record));
  const line = `${size} ${dryRun ? 'to redrive' : 'redriven'}${from}${without}${earlier}`;
  return { outcome: 'done', records: records.length, line };
}

/** Undefined: all done; else why not. */
async function handOver(
  { shardId }: StoredBatch,
  records: readonly UserRecord[],
  options: RedriveOptions,
): Promise<string | undefined> {
  if (records.length === 0) return undefined;
  const { groupId, summary, region, log } = options;
  const context = {
    groupId,
    streamName: summary.name,
    streamArn: summary.arn,
    region,
    shardId,
    attempt: 1,
    log: log.child({ shardId }),
  };
  try {
    const receiver = await openReceiver(options.handler, context, options);
    const failure = await handAll(receiver, { shardId, records }, options);
    const open = await receiver.close(failure === undefined);
    return failure ?? (open && failedWith(open));
  } catch (thrown) {
    return failedWith(thrown);
  }
}

/** Undefined: the receiver took all; else why not. */
async function handAll(
  receiver: Receiver,
  { shardId, records }: { shardId: string; records: readonly UserRecord[] },
  { handler, payloads, batchSize }: RedriveOptions,
): Promise<string | undefined> {
  for (let left = records; left.length > 0;) {
    const { records: most, problem } = takeDecodable(left.slice(0, batchSize), payloads?.decode);
    if (most.length === 0) return undecodable(left[0]!, problem ?? '', payloads!).message;
    const batch = {
      shardId,
      records: most.slice(0, handler.fit?.(most) ?? most.length),
      millisBehindLatest: 0,
    };
    const result = await receiver.handle(batch);
    if (result.outcome === 'failed' && result.isTooLarge && (handler.fit?.(most) ?? 0) < batch.records.length)
      continue;
    if (result.outcome === 'failed') return failedWith(result.error);
    if (result.outcome === 'partial') {
      return `the handler failed at the record ${batch.records[result.firstFailure]?.sequence ?? ''}`;
    }
    left = left.slice(batch.records.length);
  }
  return undefined;
}

/** Undefined: all of them could be handed over. */
function notOfFormat(
  records: readonly UserRecord[],
  { payloads }: Pick<RedriveOptions, 'payloads'>,
): string | undefined {
  const { records: good, problem } = takeDecodable(records, payloads?.decode);
  return problem === undefined ? undefined : undecodable(records[good.length]!, problem, payloads!).message;
}

function failedWith(error: unknown): string {
  return `the handler failed: ${describeError(error)}`;
}

/**
 * What was kept is what the handler would have got, except for records that could not be opened then, and for aggregates of the
 * KPL, which Lambda does not open.
 */
function openedAgain(
  { payload, shardId }: StoredBatch,
  { payloads, passes }: RedriveOptions,
): UserRecord[] | undefined {
  const placement = { own: undefined, parents: [] };
  const whole = payload?.flatMap((record) =>
    record.subSequence === undefined ? [...deaggregate([record], { placement }).records] : [record],
  );
  return whole?.flatMap((record) => {
    const isOpen = isPayloadPosition(record.subSequence) || payloads?.open === undefined;
    const opened = isOpen ? [record] : payloads.open!([record]);
    if (opened.some(({ undecodable }) => undecodable !== undefined)) return [record];
    return opened.filter((part) => passes(part, shardId));
  });
}

function nameOf({ shardId, first, last }: StoredBatch): string {
  return `${shardId} ${first.sequence}${first.sequence === last.sequence ? '' : `–${last.sequence}`}`;
}
