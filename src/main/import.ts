import { groupIdOf, regionOf, streamNameOf, tableNameOf, type KinesisConsumerGroup } from '../api/group.ts';
import { awsCredentials } from '../aws/credentials.ts';
import { createDynamoDbClient } from '../aws/dynamodb-client.ts';
import { importOptions, printImportPlan } from '../cli/import.ts';
import { ImportRun } from '../import/import-run.ts';
import type { ImportProgress } from '../import/import-progress.ts';
import type { ImportSource } from '../import/import-source.ts';
import { openSource } from '../import/open-source.ts';
import { watchWorkers } from '../import/living-workers.ts';
import { undoImportOf } from '../import/undo-import.ts';
import { awsStreamClient } from '../kinesis/aws/stream-client.ts';
import { openLeaseTable } from '../leases/dynamodb/lease-table.ts';
import type { GroupRows } from '../leases/group-rows.ts';
import type { LeaseTable } from '../leases/lease-table.ts';
import { systemClock } from '../lib/clock.ts';
import { count } from '../lib/count.ts';
import { KcgError } from '../lib/errors.ts';
import { parseOptions, type OptionValues } from '../lib/options.ts';
import { systemRandom } from '../lib/random.ts';
import { groupToImport } from './import-target.ts';
import { reportOf } from './import-report.ts';
import { useLocalCredentials } from './local-credentials.ts';
import { openForeignStore } from './position-import.ts';

export { importOptions };

type Options = OptionValues<typeof importOptions>;

const PRINCIPAL = 'your AWS identity';
/** Password of Redis. */
const PASSWORD_ENV = 'KCG_IMPORT_PASSWORD';
/** An import that waits for these ends by itself, or when somebody has done what it says. */
const WAITS: ReadonlySet<ImportProgress['reason']> = new Set([
  'ImportWaiting',
  'ImportWriting',
  'SourceLive',
  'WorkersRunning',
]);
/** Of a dry run: it could be imported, and records would be missing. */
const EXIT_MISSING = 3;

/** `kcg import`: another consumer's positions into a group that has none, from tables alone. */
export async function runImportCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options, positionals } = parseOptions(importOptions, argv, env, { positionals: 1 });
  if (options.dryRun && options.undo)
    throw new KcgError('InvalidInput', 'import takes --dry-run or --undo, not both', {
      fix: 'Leave one out.',
    });
  const group = await groupToImport(positionals[0], options, { env, signal: stop });
  const place = placeOf(group, options, env);
  useLocalCredentials([place.kinesis, place.dynamodb], env);
  const clients = openClients(place);
  try {
    if (options.dryRun) return await dryRun(sourceOf(group, { ...clients, env }), options, stop);
    const { client } = clients;
    const { table: tableName, groupId } = place;
    const at = { client, clock: systemClock, tableName, groupId, principal: PRINCIPAL };
    const table = await openLeaseTable(at, stop);
    const leaseDurationMs = group.spec.leases.durationSeconds * 1_000;
    if (options.undo) return await undo(table, { groupId, leaseDurationMs, stop });
    const source = sourceOf(group, { ...clients, env });
    const run = new ImportRun({ table, source, clock: systemClock, random: systemRandom, leaseDurationMs });
    return await follow(run, options, stop).finally(() => source.close());
  } finally {
    clients.close();
  }
}

async function dryRun(source: ImportSource, { output }: Options, signal: AbortSignal): Promise<number> {
  try {
    const look = await source.look({ signal, nowMs: systemClock.now() });
    const report = reportOf(source.name, look);
    say(printImportPlan(report, output));
    if (report.refusals.length > 0) return 1;
    return report.shards.some(({ missing }) => missing !== undefined) ? EXIT_MISSING : 0;
  } finally {
    source.close();
  }
}

/** Until it is over, or only a person can go on. What it waits for is told once. */
async function follow(run: ImportRun, { output }: Options, stop: AbortSignal): Promise<number> {
  let told = '';
  while (!stop.aborted) {
    const progress = await run.step(stop);
    const { reason, message, isSettled, isNew, record, againInMs = 0 } = progress;
    if (isSettled) {
      const from = record && { id: record.id, from: record.from, at: record.at, shards: record.shards };
      if (output === 'json') say(JSON.stringify({ reason, isNew: isNew ?? false, message, imported: from }));
      else say(reason === 'Imported' ? `${isNew ? 'imported' : 'imported before'}: ${message}` : message);
      return 0;
    }
    if (!WAITS.has(reason)) throw new KcgError(progress.error?.code ?? 'Conflict', message);
    if (message !== told && output !== 'json') say(message);
    told = message;
    await systemClock.sleep(againInMs, { signal: stop });
  }
  return 1;
}

async function undo(
  table: LeaseTable,
  { groupId, leaseDurationMs, stop }: { groupId: string; leaseDurationMs: number; stop: AbortSignal },
): Promise<number> {
  const mayLive = await watchWorkers({ table, clock: systemClock, leaseDurationMs, signal: stop });
  const livingOf = ({ workers }: GroupRows) => workers.filter(mayLive).map(({ worker }) => worker);
  const record = await undoImportOf({ table, livingOf, signal: stop });
  if (record) say(`undone: ${count(record.shards, 'shard')} of ${groupId} from ${record.from}`);
  else say(`nothing to undo: no position of ${groupId} was imported`);
  return 0;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

interface Place {
  groupId: string;
  table: string;
  region: string;
  stream: { name: string; arn: string | undefined };
  kinesis: string | undefined;
  dynamodb: string | undefined;
}

function placeOf(group: KinesisConsumerGroup, options: Options, env: NodeJS.ProcessEnv): Place {
  const { endpoints, stream } = group.spec;
  const kinesis = options.kinesisEndpoint ?? endpoints.kinesis;
  const dynamodb = options.dynamodbEndpoint ?? endpoints.dynamodb;
  const known = group.status?.stream?.arn?.split(':')[3] ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'];
  const region = options.region ?? regionOf(group, known) ?? (dynamodb && kinesis ? 'us-east-1' : undefined);
  if (region === undefined)
    throw new KcgError('InvalidInput', 'no AWS region is set', { fix: 'Name it with --region.' });
  return {
    groupId: groupIdOf(group),
    table: tableNameOf(group),
    region,
    stream: { name: streamNameOf(group), arn: stream.arn },
    kinesis,
    dynamodb,
  };
}

function openClients({ region, stream: { name, arn }, kinesis, dynamodb }: Place) {
  const clock = systemClock;
  const credentials = awsCredentials({ clock });
  const client = createDynamoDbClient({ region, endpoint: dynamodb, credentials });
  const shared = { region, credentials, clock, principal: PRINCIPAL };
  const stream = awsStreamClient({ ...shared, endpoint: kinesis, streamName: name, streamArn: arn });
  const close = () => {
    client.destroy();
    stream.close();
  };
  return { client, stream, close };
}

/** @throws KcgError `InvalidInput` when neither group nor flags name one */
function sourceOf(
  { spec }: KinesisConsumerGroup,
  {
    client,
    stream,
    env,
  }: Pick<ReturnType<typeof openClients>, 'client' | 'stream'> & { env: NodeJS.ProcessEnv },
): ImportSource {
  const { importFrom } = spec.checkpoints;
  if (importFrom === undefined) {
    throw new KcgError('InvalidInput', 'the group does not say whose positions it begins with', {
      fix: 'Write checkpoints.importFrom into its spec, or name --type and --from.',
    });
  }
  const password = env[PASSWORD_ENV] || undefined;
  const store = { client, clock: systemClock, principal: PRINCIPAL, password };
  const { initialPosition } = spec;
  return openSource({
    importFrom,
    initialPosition,
    stream,
    openStore: (from) => openForeignStore(from, store),
  });
}
