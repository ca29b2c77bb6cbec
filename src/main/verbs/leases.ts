import { groupNames } from '../../cli/group-options.ts';
import {
  leasesOptions,
  leasesTarget,
  pickGroup,
  printLeases,
  requireOneSource,
  type LeasesSource,
  type LeasesTarget,
} from '../../cli/leases.ts';
import { readGroups } from '../../dev/group-file.ts';
import { forAws } from '../groups/for-aws.ts';
import { groupInTable } from '../groups/group-in-table.ts';
import { ANY_REGION, isLocalServer, useLocalCredentials } from '../groups/local-credentials.ts';
import { USER_CALLS, userDynamoDb } from '../groups/user-aws.ts';
import type { DynamoDbLeaseTable } from '../../leases/dynamodb/lease-table.ts';
import { decodeRows } from '../../leases/group-rows.ts';
import { ObservedWorkers } from '../../leases/observed-workers.ts';
import type { Row } from '../../leases/row.ts';
import { abortError, systemClock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import { parseOptions, type OptionValues } from '../../lib/options.ts';
import { ownershipView } from '../../view/ownership-view.ts';
import { ShardWindows } from '../../view/shard-windows.ts';
import { readNamedGroup } from '../groups/named-group.ts';
import { WATCH_MS, type Look } from './redraw.ts';
import { show } from './show.ts';

export { leasesOptions };

/** `kcg leases`: who owns what, from the table alone; a resource only says which table. */
export async function runLeasesCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options, positionals } = parseOptions(leasesOptions, argv, env, groupNames(1));
  const source = await readSource(positionals[0], options, { env, signal: stop });
  const target = withLocalDefaults(leasesTarget(options, source, env), env);
  const { table: tableName, region, endpoint } = target;
  const client = userDynamoDb({ region, endpoint });
  const at = { ...USER_CALLS, client, tableName };
  try {
    const { table, groupId } = await groupInTable(at, target.groupId, stop);
    const look = lookAt(table, { ...target, groupId }, options.output);
    await show(look, options.watch, stop);
    return 0;
  } catch (thrown) {
    if (stop.aborted) throw abortError(stop);
    throw explain(thrown, target);
  } finally {
    client.destroy();
  }
}

async function readSource(
  name: string | undefined,
  options: OptionValues<typeof leasesOptions>,
  by: { env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<LeasesSource | undefined> {
  requireOneSource('leases', name, options);
  const warn = (text: string) => process.stderr.write(`warning: ${text}\n`);
  if (name !== undefined) return await readNamedGroup(name, options, { ...by, warn });
  const { file, group } = options;
  return file === undefined ? undefined : { group: pickGroup(file, await readGroups(file), group) };
}

function withLocalDefaults(target: LeasesTarget, env: NodeJS.ProcessEnv): LeasesTarget {
  if (!isLocalServer(target.endpoint)) return target;
  useLocalCredentials([target.endpoint], env);
  return { ...target, region: target.region ?? ANY_REGION };
}

/** From the second look on it is known how long each worker's beat has stood still. */
function lookAt(table: DynamoDbLeaseTable, target: LeasesTarget, output: string | undefined): Look {
  const observed = new ObservedWorkers();
  const windows = new ShardWindows();
  let looks = 0;
  return async (signal) => {
    const rows: Row[] = await table.query('all', { consistent: true, signal });
    const { workers } = decodeRows(rows);
    const monotonicMs = systemClock.monotonic();
    observed.observe(workers, monotonicMs);
    looks += 1;
    const still = workers.map((row): [string, number] => [row.worker, observed.stillMs(row, monotonicMs)]);
    const now = systemClock.now();
    const { groupId, table: name, leaseDurationMs } = target;
    const silentMs = new Map(looks > 1 ? still : []);
    const view = ownershipView({ rows, nowMs: now, silentMs, windows, leaseDurationMs });
    return printLeases({ view, table: name, groupId, output, leaseDurationMs, intervalMs: WATCH_MS, now });
  };
}

/** In the words of somebody at a terminal, not of a pod. */
function explain(thrown: unknown, { table, region, endpoint }: LeasesTarget): KcgError {
  const error = KcgError.from(thrown);
  const where = endpoint ?? region;
  if (error.code === 'NotFound' && error.resource === `table ${table}`) {
    return new KcgError('NotFound', `there is no table ${table}${where ? ` in ${where}` : ''}`, {
      cause: error,
      fix: 'Check the name (--table), the region (--region) and the AWS account of your credentials.',
    });
  }
  return forAws(error);
}
