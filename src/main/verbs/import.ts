import { groupNames } from '../../cli/group-options.ts';
import type { KinesisConsumerGroup } from '../../api/group.ts';
import { importOptions, printImportPlan } from '../../cli/import.ts';
import { ImportRun } from '../../import/import-run.ts';
import type { ImportProgress } from '../../import/import-progress.ts';
import type { ImportSource } from '../../import/import-source.ts';
import { watchWorkers } from '../../import/living-workers.ts';
import { undoImportOf } from '../../import/undo-import.ts';
import type { Claim } from '../../leases/claim.ts';
import { openLeaseTable } from '../../leases/dynamodb/lease-table.ts';
import type { GroupRows } from '../../leases/group-rows.ts';
import type { LeaseTable } from '../../leases/lease-table.ts';
import { readClaim } from '../../leases/read-claim.ts';
import { abortError, systemClock } from '../../lib/clock.ts';
import { count } from '../../lib/count.ts';
import { KcgError } from '../../lib/errors.ts';
import { parseOptions, type OptionValues } from '../../lib/options.ts';
import { systemRandom } from '../../lib/random.ts';
import { openClients, placeOf, importSourceOf } from '../groups/import-clients.ts';
import { USER_CALLS } from '../groups/user-aws.ts';
import { groupToImport } from '../groups/import-target.ts';
import { operatorOf, refuseManaged, withLine, type Way } from '../groups/refuse-managed.ts';
import { reportOf } from './import-report.ts';
import { useLocalCredentials } from '../groups/local-credentials.ts';

export { importOptions };

type Options = OptionValues<typeof importOptions>;

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
  const { options, positionals } = parseOptions(importOptions, argv, env, groupNames(1));
  if (options.dryRun && options.undo)
    throw new KcgError('InvalidInput', 'import takes --dry-run or --undo, not both', {
      fix: 'Leave one out.',
    });
  const group = await groupToImport(positionals[0], options, { env, signal: stop });
  const place = placeOf(group, options, env);
  useLocalCredentials([place.kinesis, place.dynamodb], env);
  const clients = openClients(place);
  try {
    if (options.dryRun) return await dryRun(importSourceOf(group, { ...clients, env }), options, stop);
    const { client } = clients;
    const { table: tableName, groupId } = place;
    const at = { ...USER_CALLS, client, tableName, groupId };
    const table = await openLeaseTable(at, stop);
    if (!options.unmanaged) refuseOperators(await readClaim(table, stop), group, options);
    const leaseDurationMs = group.spec.leases.durationSeconds * 1_000;
    if (options.undo) return await undo(table, { groupId, leaseDurationMs, stop });
    const source = importSourceOf(group, { ...clients, env });
    const run = new ImportRun({ table, source, clock: systemClock, random: systemRandom, leaseDurationMs });
    return await follow(run, options, stop).finally(() => source.close());
  } finally {
    clients.close();
  }
}

/**
 * A resource that is stopped may be worked on, as its operator starts and imports nothing meanwhile.
 * @throws KcgError `Conflict` when an operator may write the same rows
 */
function refuseOperators(
  claim: Claim | undefined,
  { metadata, spec }: KinesisConsumerGroup,
  { undo, file }: Pick<Options, 'undo' | 'file'>,
): void {
  const { name, namespace, uid } = metadata;
  if (operatorOf(claim) === undefined) return;
  // A file may say of the resource what was so once.
  const isResource = file === undefined && uid !== '';
  if (isResource && claim?.resourceUid === uid) {
    if (spec.desiredState === 'Stopped') return;
    const group = `${name} -n ${namespace}`;
    const stop = `Stop it first: kcg stop ${group} --wait.`;
    const { say, line } = letOperator(group, spec);
    throw new KcgError(
      'Conflict',
      `an operator runs the group: KinesisConsumerGroup ${name} in namespace ${namespace} is ${spec.desiredState}. Nothing was written`,
      { fix: undo ? stop : withLine(`${stop} Or ${say}`, line) },
    );
  }
  // Without file and resource nobody knows its name.
  const named = uid === '' && file === undefined ? { name: 'NAME', namespace } : metadata;
  refuseManaged(claim, named, (group) => {
    const way = `kcg stop ${group} --wait and kcg import ${group} --undo, in a context of that cluster, do it beside the operator.`;
    if (undo) return { say: way };
    const { say, line } = letOperator(group, spec);
    return { say: `In that cluster ${say}`, line };
  });
}

/** The field that has the operator import, and a line that sets it. */
function letOperator(group: string, { checkpoints: { importFrom } }: KinesisConsumerGroup['spec']): Way {
  const patch = JSON.stringify({ spec: { checkpoints: { importFrom } } }).replaceAll("'", String.raw`'\''`);
  return {
    say: 'set spec.checkpoints.importFrom of its resource, and the operator imports by itself.',
    line: importFrom && `kubectl patch kcg ${group} --type merge -p '${patch}'`,
  };
}

async function dryRun(source: ImportSource, { output }: Options, signal: AbortSignal): Promise<number> {
  try {
    const nowMs = systemClock.now();
    const look = await source.look({ signal, nowMs });
    const report = reportOf(source.name, look, nowMs);
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
  throw abortError(stop);
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
