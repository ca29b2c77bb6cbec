import { groupNames } from '../../cli/group-options.ts';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { putOptions, requireOneDestination } from '../../cli/put.ts';
import { awsCredentials } from '../../aws/credentials.ts';
import { awsStreamWriter } from '../../kinesis/aws/stream-writer.ts';
import { hashKeyOf } from '../../kinesis/hash-key.ts';
import { isOpen, shardIdFrom, type Shard } from '../../kinesis/shard.ts';
import type { NewRecord, StreamWriter } from '../../kinesis/stream-writer.ts';
import { backoffMs } from '../../lib/backoff.ts';
import { abortError, systemClock as clock } from '../../lib/clock.ts';
import { count } from '../../lib/count.ts';
import { KcgError } from '../../lib/errors.ts';
import { parseOptions, type OptionValues } from '../../lib/options.ts';
import { systemRandom } from '../../lib/random.ts';
import { asTheyCome, atPace } from './put-batches.ts';
import { ANY_REGION } from '../groups/local-credentials.ts';
import { forAws } from '../groups/for-aws.ts';
import { GroupLooker } from '../groups/group-looker.ts';
import { PRINCIPAL } from '../groups/user-aws.ts';
import { sourceWithStream } from '../groups/source-with-stream.ts';

export { putOptions };

type Options = OptionValues<typeof putOptions>;
const ATTEMPTS = 8;
const BACKOFF = { baseMs: 100, maxMs: 5_000 };

/** `kcg put`: records into the stream of a group. */
export async function runPutCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options, positionals } = parseOptions(putOptions, argv, env, groupNames(1));
  requireOneDestination(options);
  const source = await sourceWithStream(positionals, options, { env, signal: stop, verb: 'put' });
  const { region, kinesis: endpoint, stream } = source.place;
  const looker = new GroupLooker();
  const { stream: client } = looker.aws(source);
  const { name: streamName, arn: streamArn } = stream!;
  const at = { region: region ?? (endpoint === undefined ? undefined : ANY_REGION), endpoint };
  const writer = awsStreamWriter({
    ...at,
    streamName,
    streamArn,
    credentials: awsCredentials({ clock }),
    clock,
    principal: PRINCIPAL,
  });
  try {
    const needsShards = options.shard !== undefined || options.dryRun;
    const shards = needsShards
      ? (await client!.listShards({ from: 'LATEST' }, { signal: stop })).filter(isOpen)
      : [];
    const explicitHashKey =
      options.shard === undefined ? options.explicitHashKey : hashKeyIn(shards, options.shard);
    let written = 0;
    const records = recordsOf(options, explicitHashKey, stop);
    const { rate } = options;
    const by = { clock, signal: stop };
    const batches = rate === undefined ? asTheyCome(records, by) : atPace(records, rate, by);
    for await (const batch of batches) {
      if (options.dryRun)
        for (const record of batch) tell(options, { record, shardId: shardOf(record, shards) });
      // Ctrl-C is how records at a pace end: the call under way is let finish.
      else await putAll(writer, batch, options, rate === undefined ? stop : undefined);
      written += batch.length;
      if (stop.aborted) break;
    }
    if (written === 0 && !stop.aborted) process.stderr.write('nothing to put: standard input was empty\n');
    else if (options.output !== 'json' && written > 1)
      process.stderr.write(`${count(written, 'record')} ${options.dryRun ? 'would be put' : 'put'}\n`);
    if (stop.aborted && rate === undefined) throw abortError(stop);
    return 0;
  } catch (thrown) {
    throw forAws(thrown);
  } finally {
    writer.close();
    looker.close();
  }
}

async function* recordsOf(
  options: Options,
  explicitHashKey: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<NewRecord> {
  const { data, dataFile, partitionKey, rate } = options;
  if (data !== undefined && dataFile !== undefined)
    throw new KcgError('InvalidInput', 'put takes --data or --data-file, not both', {
      fix: 'Leave one out.',
    });
  const record = (bytes: Uint8Array): NewRecord => ({
    partitionKey: partitionKey ?? anyKey(),
    data: bytes,
    explicitHashKey,
  });
  const one =
    dataFile !== undefined
      ? await fileOf(dataFile)
      : data !== undefined && data !== '-'
        ? Buffer.from(data)
        : undefined;
  if (one !== undefined) {
    do yield record(one);
    while (rate !== undefined && !options.dryRun);
    return;
  }
  if (process.stdin.isTTY) process.stderr.write('a record for each line; end with Ctrl-D\n');
  const { stdin: input } = process;
  for await (const line of createInterface({ input, crlfDelay: Infinity, signal }))
    yield record(Buffer.from(line));
}

async function fileOf(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const why = (cause as Error).message.replace(/, (open|read).*$/, '');
    throw new KcgError('InvalidInput', `${path} cannot be read: ${why}`, {
      cause,
      fix: 'Name another with --data-file.',
    });
  }
}

/** Records spread over the shards. */
function anyKey(): string {
  return Math.floor(systemRandom() * 2 ** 52).toString(36);
}

/** What a shard has no room for now is put again; records of a key can change places with that. */
async function putAll(
  writer: StreamWriter,
  records: readonly NewRecord[],
  options: Options,
  signal: AbortSignal | undefined,
): Promise<void> {
  let left = [...records];
  for (let attempt = 1; left.length > 0; attempt += 1) {
    const answers = await writer.put(left, { signal });
    const again: NewRecord[] = [];
    let why = '';
    for (const [index, answer] of answers.entries()) {
      const record = left[index]!;
      if ('refused' in answer) {
        again.push(record);
        why = answer.refused;
      } else tell(options, { record, ...answer });
    }
    if (again.length > 0 && attempt === ATTEMPTS)
      throw new KcgError('Throttled', `${count(again.length, 'record')} not put: ${why}`, {
        fix: 'Put them again, more slowly.',
      });
    left = again;
    if (left.length > 0) await clock.sleep(backoffMs(attempt, systemRandom, BACKOFF), { signal });
  }
}

function tell(
  { output }: Options,
  { record, shardId, sequence }: { record: NewRecord; shardId: string; sequence?: string },
): void {
  const { partitionKey } = record;
  const line =
    output === 'json'
      ? JSON.stringify({ shardId, sequenceNumber: sequence, partitionKey })
      : [shardId, sequence ?? `key ${partitionKey}`].join(' ');
  process.stdout.write(`${line}\n`);
}

function hashKeyIn(shards: readonly Shard[], wanted: string): string {
  const found = shards.find(({ shardId }) => shardId === shardIdFrom(wanted));
  if (found) return found.hashStart;
  throw new KcgError('NotFound', `the stream has no open shard ${wanted}`, { fix: 'kcg shards lists them.' });
}

function shardOf({ partitionKey, explicitHashKey }: NewRecord, shards: readonly Shard[]): string {
  const key = hashKeyOf(partitionKey, explicitHashKey);
  return (
    shards.find(({ hashStart, hashEnd }) => BigInt(hashStart) <= key && key <= BigInt(hashEnd))?.shardId ??
    '-'
  );
}
