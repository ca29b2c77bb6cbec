import { groupNames } from '../../cli/group-options.ts';
import { exportOptions, printExportPlan } from '../../cli/export.ts';
import { EXPORT_KEYS, ExportTable } from '../../import/dynamodb/export-table.ts';
import { ForeignTable, type ForeignTableOptions } from '../../import/dynamodb/foreign-table.ts';
import type { ExportProgram } from '../../import/export/export-plan.ts';
import { planExport } from '../../import/export/plan-export.ts';
import type { ForeignPositions, ForeignSelection } from '../../import/foreign-store.ts';
import { watchWorkers } from '../../import/living-workers.ts';
import { readForeign } from '../../import/read-foreign.ts';
import { StandStill } from '../../import/stand-still.ts';
import { openLeaseTable } from '../../leases/dynamodb/lease-table.ts';
import { decodeRows } from '../../leases/group-rows.ts';
import type { LeaseTable } from '../../leases/lease-table.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import { count } from '../../lib/count.ts';
import { hasCode, KcgError } from '../../lib/errors.ts';
import { parseOptions } from '../../lib/options.ts';
import { openClients, placeOf } from '../groups/import-clients.ts';
import { USER_CALLS } from '../groups/user-aws.ts';
import { formatPosition } from '../../import/format-position.ts';
import { groupToImport } from '../groups/import-target.ts';
import { useLocalCredentials } from '../groups/local-credentials.ts';

export { exportOptions };

const LOOK_MS = 1_000;
/** Of an import, which an export has not. */
const NOTHING_TO_IMPORT = {
  type: undefined,
  from: undefined,
  fromStream: undefined,
  fromGroup: undefined,
  processedUntil: undefined,
  overlapSeconds: undefined,
  initialPosition: undefined,
  undo: false,
};

/** `kcg export`: the positions of a stopped group into the table of another consumer. */
export async function runExportCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options: given, positionals } = parseOptions(exportOptions, argv, env, groupNames(1));
  const program = given.to as ExportProgram | undefined;
  const { toTable } = given;
  if (program === undefined || toTable === undefined) {
    throw new KcgError('InvalidInput', 'export needs to know whose table to write', {
      fix: 'Name --to kcl or --to async-kinesis, and --to-table.',
    });
  }
  const options = { ...given, ...NOTHING_TO_IMPORT };
  const group = await groupToImport(positionals[0], options, { env, signal: stop });
  const place = placeOf(group, options, env);
  if (place.table === toTable) {
    throw new KcgError('InvalidInput', `table ${toTable} is the group's own`, {
      fix: 'Name another --to-table.',
    });
  }
  useLocalCredentials([place.kinesis, place.dynamodb], env);
  const { client, stream, close } = openClients(place);
  try {
    const at = { ...USER_CALLS, client };
    const own = await openLeaseTable({ ...at, tableName: place.table, groupId: place.groupId }, stop);
    const there = { ...at, tableName: toTable };
    const [{ name, arn, createdAt }, shards] = await Promise.all([
      stream.describe({ signal: stop }),
      stream.listShards({ from: 'TRIM_HORIZON' }, { signal: stop }),
    ]);
    const look = () => lookAt(program, there, { name, arn, createdAt }, stop);
    const leaseDurationMs = group.spec.leases.durationSeconds * 1_000;
    if (!options.dryRun) await refuseRunning(own, { groupId: place.groupId, leaseDurationMs, stop });
    const { isMade, existing } = options.dryRun ? await look() : await untilStill(look, toTable, stop);
    const leases = decodeRows(await own.query('all', { consistent: true, signal: stop })).leases;
    const plan = planExport(program, { leases, shards, existing, nowMs: clock.now() });
    const here = new Map(leases.map(({ shardId, checkpoint }) => [shardId, formatPosition(checkpoint)]));
    const told = plan.shards.map(({ shardId, to, why, twice }) => ({
      shardId,
      here: here.get(shardId) ?? '-',
      to,
      why,
      twice,
    }));
    say(
      printExportPlan(
        { table: toTable, shards: told, notes: plan.notes, refusals: plan.refusals },
        options.output,
      ),
    );
    if (plan.refusals.length > 0) return 1;
    if (options.dryRun) return 0;
    const table = new ExportTable(program, there);
    if (!isMade) await table.create(stop);
    for (const { row } of plan.shards) if (row) await table.write(row, stop);
    if (options.output !== 'json')
      say(`\nexported: ${count(plan.shards.length, 'shard')}. Keep the group stopped.`);
    return 0;
  } finally {
    close();
  }
}

/** @throws KcgError `Conflict` while a worker of the group may be alive */
async function refuseRunning(
  table: LeaseTable,
  { groupId, leaseDurationMs, stop }: { groupId: string; leaseDurationMs: number; stop: AbortSignal },
): Promise<void> {
  const mayLive = await watchWorkers({ table, clock, leaseDurationMs, signal: stop });
  const { workers } = decodeRows(await table.query('workers', { consistent: true, signal: stop }));
  const living = workers.filter(mayLive).map(({ worker }) => worker);
  if (living.length === 0) return;
  throw new KcgError('Conflict', `the group ${groupId} runs: ${living.join(', ')}`, {
    fix: 'Set desiredState: Stopped, wait until its pods are gone, and export again.',
  });
}

async function lookAt(
  program: ExportProgram,
  there: ForeignTableOptions,
  stream: ForeignSelection['stream'],
  signal: AbortSignal,
): Promise<Look> {
  const rows = await new ForeignTable(there).read({ signal }).catch((thrown: unknown) => {
    if (hasCode(thrown, 'NotFound')) return undefined;
    throw thrown;
  });
  if (rows === undefined) return { isMade: false, existing: undefined };
  // One of another key has nothing that was read, and is refused all the same.
  const isEmpty =
    rows.rows.length === 0 && rows.key?.hash === EXPORT_KEYS[program] && rows.key.range === undefined;
  return { isMade: true, existing: isEmpty ? undefined : readForeign(program, rows, { stream }) };
}

interface Look {
  isMade: boolean;
  existing: ForeignPositions | undefined;
}

/** Another consumer whose rows have no owner has stopped; that of others tells only whether they stand still. */
async function untilStill(look: () => Promise<Look>, table: string, stop: AbortSignal): Promise<Look> {
  const watch = new StandStill();
  for (;;) {
    const nowMs = clock.monotonic();
    const found = await look();
    const { existing } = found;
    if (existing === undefined || existing.positions.every(({ owner }) => owner === undefined)) return found;
    const { isLive, stillMs } = watch.observe(existing, nowMs);
    if (isLive) {
      throw new KcgError('Conflict', `another consumer runs on table ${table}`, {
        fix: 'Stop it, and export again.',
      });
    }
    if (stillMs >= existing.expiryMs) return found;
    await clock.sleep(LOOK_MS, { signal: stop });
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
