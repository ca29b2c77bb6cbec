import { regionOfArn } from '../../api/arn.ts';
import { groupNames } from '../../cli/group-options.ts';
import { isOpen, parentsOf, shardIdFrom, type Shard } from '../../kinesis/shard.ts';
import { PollingReader } from '../../kinesis/polling-reader.ts';
import type { Checkpoint } from '../../kinesis/position.ts';
import type { StreamClient } from '../../kinesis/stream-client.ts';
import { printRecord, readWarning, tailOptions, type TailPrint, type TailRecord } from '../../cli/tail.ts';
import { kinesisPattern } from '../../filter/kinesis-pattern.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import { describeError, KcgError } from '../../lib/errors.ts';
import { paintFor } from '../../lib/paint.ts';
import { parseDurationSeconds } from '../../lib/parse-duration.ts';
import { parseOptions, type OptionValues } from '../../lib/options.ts';
import { systemRandom } from '../../lib/random.ts';
import { recordFilter } from '../../runtime/delivery/record-filter.ts';
import { openPayloads, type Payloads } from '../../runtime/payload/payloads.ts';
import { payloadReader } from '../../runtime/payload/payload-reader.ts';
import { takeDecodable } from '../../runtime/payload/take-decodable.ts';
import { forAws } from '../groups/for-aws.ts';
import { GroupLooker } from '../groups/group-looker.ts';
import type { GroupSource } from '../groups/group-sources.ts';
import { sourceWithStream } from '../groups/source-with-stream.ts';

export { tailOptions };

type Options = OptionValues<typeof tailOptions>;
type Start = Exclude<Checkpoint, { at: 'SHARD_END' }>;

/** Records a read: what somebody looks at, and no more than they can. */
const MAX_RECORDS = 1_000;

/** `kcg tail`: the records of a group's stream as they come. Nothing is written: no lease, no position. */
export async function runTailCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options, positionals } = parseOptions(tailOptions, argv, env, groupNames(1));
  const begin = beginOf(options);
  for (const pattern of options.filter) requirePattern(pattern);
  const source = await sourceWithStream(positionals, options, { env, signal: stop, verb: 'tail' });
  const looker = new GroupLooker();
  const { stream: client } = looker.aws(source);
  const ended = new AbortController();
  const signal = AbortSignal.any([stop, ended.signal]);
  try {
    const [summary, listed, streamMs] = await Promise.all([
      client!.describe({ signal }),
      client!.listShards({ from: 'TRIM_HORIZON' }, { signal }),
      client!.now({ signal }),
    ]);
    const from = begin(streamMs ?? clock.now());
    const shards = startsOf(listed, from, options.shard);
    process.stderr.write(`${readWarning(shards.length, options.pollIntervalMillis)}\n`);
    const handler = source.group?.spec.handler;
    const payloads = await openPayloads({
      format: (options.format ?? handler?.format ?? 'Bytes') as Payloads['format'],
      compression: (options.compression ?? handler?.compression ?? 'Auto') as Payloads['compression'],
    });
    const sink = new Sink(options, () => ended.abort());
    const passes = passesOf(source, options, summary.arn);
    await readAll({ client: client!, from, payloads, passes, options, sink, signal }, shards);
    sink.sayHidden();
    return 0;
  } catch (thrown) {
    if (signal.aborted) return 0;
    throw forAws(thrown);
  } finally {
    looker.close();
  }
}

/** @throws KcgError `InvalidInput` */
function requirePattern(pattern: string): void {
  try {
    kinesisPattern(pattern);
  } catch (thrown) {
    throw new KcgError('InvalidInput', `--filter ${(thrown as Error).message}`, {
      cause: thrown,
      fix: 'Write it as in handler.filters, say \'{"data":{"type":["order"]}}\'.',
    });
  }
}

/** From the stream's clock. @throws KcgError `InvalidInput` */
function beginOf({ from, since }: Options): (streamMs: number) => Start {
  if (from !== undefined && since !== undefined)
    throw new KcgError('InvalidInput', 'tail takes --from or --since, not both', { fix: 'Leave one out.' });
  const seconds = since === undefined ? 0 : parseDurationSeconds('--since', since);
  const at = Date.parse(from ?? '');
  switch (from?.toUpperCase().replace('-', '_')) {
    case undefined:
    case 'LATEST':
      return (streamMs) => ({ at: 'AT_TIMESTAMP', timestampMs: streamMs - seconds * 1_000 });
    case 'TRIM_HORIZON':
      return () => ({ at: 'TRIM_HORIZON' });
    default:
      if (!Number.isNaN(at)) return () => ({ at: 'AT_TIMESTAMP', timestampMs: at });
      throw new KcgError('InvalidInput', `--from takes TRIM_HORIZON, LATEST or a time, not '${from}'`);
  }
}

/** Shards that hold something from there on whose parents do not: the others follow when these are at their end. */
function startsOf(listed: readonly Shard[], from: Start, wanted: readonly string[]): Shard[] {
  if (wanted.length > 0) {
    const ids = wanted.map(shardIdFrom);
    const found = listed.filter(({ shardId }) => ids.includes(shardId));
    const lacking = wanted.find((_, index) => !listed.some(({ shardId }) => shardId === ids[index]));
    if (lacking === undefined) return found;
    throw new KcgError('NotFound', `the stream has no shard ${lacking}`, { fix: 'kcg shards lists them.' });
  }
  if (from.at === 'AT_TIMESTAMP' && from.timestampMs >= clock.now() - 60_000) return listed.filter(isOpen);
  const ids = new Set(listed.map(({ shardId }) => shardId));
  return listed.filter((shard) => !parentsOf(shard).some((parent) => ids.has(parent)));
}

interface Reading {
  client: StreamClient;
  from: Start;
  payloads: Payloads;
  passes: (tail: TailRecord) => boolean;
  options: Options;
  sink: Sink;
  signal: AbortSignal;
}

/** Each shard by itself; children when all their parents are at the end, as a group would read them. */
async function readAll(reading: Reading, shards: readonly Shard[]): Promise<void> {
  const { client, signal } = reading;
  const ended = new Set<string>();
  const begun = new Set(shards.map(({ shardId }) => shardId));
  const isDone = (parent: string) => ended.has(parent) || !begun.has(parent);
  const readOn = async (shard: Shard): Promise<void> => {
    if (!(await readShard(shard, reading)) || signal.aborted) return;
    ended.add(shard.shardId);
    const listed = await client.listShards({ from: 'TRIM_HORIZON' }, { signal });
    const next = listed.filter((child) => {
      const parents = parentsOf(child);
      return !begun.has(child.shardId) && parents.includes(shard.shardId) && parents.every(isDone);
    });
    for (const { shardId } of next) begun.add(shardId);
    await Promise.all(next.map(readOn));
  };
  await Promise.all(shards.map(readOn));
}

/** @returns the shard is at its end */
async function readShard(shard: Shard, reading: Reading): Promise<boolean> {
  const { client, from, payloads, passes, options, sink, signal } = reading;
  const polling = new PollingReader({
    client,
    clock,
    random: systemRandom,
    shard,
    from,
    maxRecords: MAX_RECORDS,
    pollIntervalMs: options.pollIntervalMillis,
    onTrouble: (error) => {
      if (error) process.stderr.write(`warning: ${shard.shardId}: ${describeError(error)}\n`);
    },
  });
  const reader = payloadReader(polling, payloads.open, from);
  while (!signal.aborted) {
    const read = await reader.next(signal);
    for (const record of read.records) {
      const { records, problem } = takeDecodable([record], payloads.decode);
      const tail = { shardId: shard.shardId, record, value: records[0]?.value, problem };
      sink.take(tail, passes(tail));
      if (signal.aborted) return false;
    }
    if (read.end) return true;
    if (options.noFollow && read.millisBehindLatest === 0) return false;
  }
  return false;
}

function passesOf({ group, place }: GroupSource, { filter, all }: Options, streamArn: string) {
  const patterns =
    filter.length > 0
      ? filter
      : all
        ? []
        : (group?.spec.handler.filters ?? []).map(({ pattern }) => textOf(pattern));
  const region = place.region ?? regionOfArn(streamArn) ?? '';
  const byShard = new Map<string, ReturnType<typeof recordFilter>>();
  return ({ shardId, record }: TailRecord): boolean => {
    if (patterns.length === 0) return true;
    const passes = byShard.get(shardId) ?? recordFilter(patterns, { shardId, region, streamArn });
    byShard.set(shardId, passes);
    return passes(record);
  };
}

function textOf(pattern: unknown): string {
  return typeof pattern === 'string' ? pattern : JSON.stringify(pattern);
}

/** Prints, counts, and ends it after `--limit`. */
class Sink {
  readonly #print: TailPrint;
  readonly #limit: number;
  readonly #end: () => void;
  #shown = 0;
  #hidden = 0;

  constructor({ output, maxBytes, limit = Infinity }: Options, end: () => void) {
    this.#print = { output, maxBytes, paint: paintFor(process.stdout) };
    this.#limit = limit;
    this.#end = end;
  }

  take(tail: TailRecord, passes: boolean): void {
    if (this.#shown >= this.#limit) return;
    if (!passes) {
      this.#hidden += 1;
      return;
    }
    process.stdout.write(printRecord(tail, this.#print));
    process.stdout.write('\n');
    this.#shown += 1;
    if (this.#shown >= this.#limit) this.#end();
  }

  sayHidden(): void {
    if (this.#hidden > 0)
      process.stderr.write(`${this.#hidden} more did not pass the filters: --all shows them\n`);
  }
}
