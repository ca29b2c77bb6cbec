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
import { LOCAL_CREDENTIALS } from '../../dev/local-mode.ts';
import { listGroupIds } from '../../leases/dynamodb/groups.ts';
import { USER_CALLS, userDynamoDb } from '../groups/user-aws.ts';
import {
  openLeaseTable,
  type DynamoDbLeaseTable,
  type LeaseTableOptions,
} from '../../leases/dynamodb/lease-table.ts';
import { decodeRows } from '../../leases/group-rows.ts';
import { ObservedWorkers } from '../../leases/observed-workers.ts';
import { readClaim } from '../../leases/read-claim.ts';
import type { Row } from '../../leases/row.ts';
import { systemClock } from '../../lib/clock.ts';
import { hasCode, KcgError } from '../../lib/errors.ts';
import { nearestOf } from '../../lib/nearest.ts';
import { parseOptions, type OptionValues } from '../../lib/options.ts';
import { ownershipView } from '../../view/ownership-view.ts';
import { ShardWindows } from '../../view/shard-windows.ts';
import { readNamedGroup } from '../groups/named-group.ts';
import { redraw, WATCH_MS, type Look } from './redraw.ts';

export { leasesOptions };

const MAX_GROUPS_NAMED = 20;

/** `kcg leases`: who owns what, from the table alone; a resource only says which table. */
export async function runLeasesCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options, positionals } = parseOptions(leasesOptions, argv, env, { positionals: 1 });
  const source = await readSource(positionals[0], options, { env, signal: stop });
  const target = withLocalDefaults(leasesTarget(options, source, env), env);
  const { table: tableName, region, endpoint } = target;
  const client = userDynamoDb({ region, endpoint });
  const at = { ...USER_CALLS, client, tableName };
  try {
    const { table, groupId } = await openGroup(at, target, stop);
    const look = lookAt(table, { ...target, groupId }, options.output);
    if (options.watch && process.stdout.isTTY) await redraw(look, stop);
    else process.stdout.write(`${await look(stop)}\n`);
    return 0;
  } catch (thrown) {
    if (stop.aborted) return 0;
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
  if (name !== undefined) return await readNamedGroup(name, options, by);
  const { file, group } = options;
  return file === undefined ? undefined : { group: pickGroup(file, await readGroups(file), group) };
}

/** A server on this machine is local mode or an emulator, which take any credentials and region. */
function withLocalDefaults(target: LeasesTarget, env: NodeJS.ProcessEnv): LeasesTarget {
  const host = target.endpoint && URL.canParse(target.endpoint) ? new URL(target.endpoint).hostname : '';
  if (!['localhost', '127.0.0.1', '[::1]'].includes(host)) return target;
  if (!env['AWS_ACCESS_KEY_ID'] && !env['AWS_PROFILE']) Object.assign(process.env, LOCAL_CREDENTIALS);
  return { ...target, region: target.region ?? 'us-east-1' };
}

/** @throws KcgError `NotFound` when the group has no row, `InvalidInput` when several groups could be meant */
async function openGroup(
  at: Omit<LeaseTableOptions, 'groupId'>,
  { groupId, table: name }: LeasesTarget,
  signal: AbortSignal,
): Promise<{ table: DynamoDbLeaseTable; groupId: string | undefined }> {
  const table = await openLeaseTable({ ...at, groupId: groupId ?? '' }, signal);
  if (table.layout === 'shard_id') return { table, groupId: await onlyGroup(table, name, groupId, signal) };
  if (groupId !== undefined && (await table.query('all', { consistent: true, signal })).length > 0) {
    return { table, groupId };
  }
  const groups = await groupsIn(at, signal);
  if (groups?.length === 0) return { table, groupId };
  if (groupId !== undefined) {
    const near = groups && nearestOf(groupId, groups);
    throw new KcgError('NotFound', `table ${name} has no row of group ${groupId}`, {
      fix: near ? `Did you mean --group ${near}?` : groups && `It holds: ${groups.join(', ')}.`,
    });
  }
  const [only] = groups ?? [];
  if (only !== undefined && groups?.length === 1) {
    return { table: await openLeaseTable({ ...at, groupId: only }, signal), groupId: only };
  }
  throw new KcgError('InvalidInput', `table ${name} ${groups ? 'holds' : 'may hold'} several groups`, {
    fix: `Choose one with --group${groups ? `: ${groups.join(', ')}` : ''}.`,
  });
}

/** Undefined = not to be known: reading one group does not need Scan. */
async function groupsIn(
  at: Omit<LeaseTableOptions, 'groupId'>,
  signal: AbortSignal,
): Promise<string[] | undefined> {
  try {
    return await listGroupIds(at, { limit: MAX_GROUPS_NAMED, signal });
  } catch (thrown) {
    if (hasCode(thrown, 'AccessDenied')) return undefined;
    throw thrown;
  }
}

/** A table whose key is `shard_id` alone is one group's; its claim says whose, if kcg has used it. */
async function onlyGroup(
  table: DynamoDbLeaseTable,
  name: string,
  wanted: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const claimed = (await readClaim(table, signal))?.groupId;
  if (claimed === undefined || wanted === undefined || claimed === wanted) return claimed ?? wanted;
  throw new KcgError('NotFound', `table ${name} holds one group, and that is ${claimed}`, {
    fix: `Run kcg leases --table ${name} --group ${claimed}, or name the table of ${wanted}.`,
  });
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
  // What STS refuses is a matter of a role's trust policy, and told as such.
  if (error.code === 'Credentials' && !error.message.includes('STS did not give the role')) {
    return new KcgError('Credentials', error.message, {
      cause: error,
      fix: 'Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in with aws sso login.',
    });
  }
  // What could not be tried says itself who is in the way.
  if (isUnanswered(error) && !error.message.includes('was not tried')) {
    return new KcgError(error.code, error.message, {
      cause: error,
      resource: error.resource,
      fix: 'Check the endpoint, the region and the network between here and DynamoDB.',
    });
  }
  if (error.message === 'no AWS region is set') {
    return new KcgError('InvalidInput', error.message, { cause: error, fix: 'Name it with --region.' });
  }
  return error;
}

function isUnanswered({ code }: KcgError): boolean {
  return code === 'Unavailable' || code === 'Timeout';
}
