import { groupNames } from '../../cli/group-options.ts';
import { rowsGroupIdOf } from '../../api/group.ts';
import { compareOptions, printComparison, type ComparedShard, type Comparison } from '../../cli/compare.ts';
import { comparePositions } from '../../import/compare-positions.ts';
import type { SourceLook } from '../../import/import-source.ts';
import { openLeaseTable } from '../../leases/dynamodb/lease-table.ts';
import { decodeRows } from '../../leases/group-rows.ts';
import type { Lease } from '../../leases/lease.ts';
import { abortError, systemClock } from '../../lib/clock.ts';
import { hasCode, KcgError } from '../../lib/errors.ts';
import { parseOptions } from '../../lib/options.ts';
import { openClients, placeOf, importSourceOf } from '../groups/import-clients.ts';
import { USER_CALLS } from '../groups/user-aws.ts';
import { formatPosition } from '../../import/format-position.ts';
import { groupToImport } from '../groups/import-target.ts';
import { useLocalCredentials } from '../groups/local-credentials.ts';
import { show } from './show.ts';

export { compareOptions };

/** `kcg compare`: where a group and another consumer of its stream stand, shard by shard. Both are only read. */
export async function runCompareCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options, positionals } = parseOptions(compareOptions, argv, env, groupNames(1));
  const flags = { ...options, from: options.with, command: 'compare' as const };
  const group = await groupToImport(positionals[0], flags, { env, signal: stop });
  if (group.spec.checkpoints.importFrom?.type === 'EventSourceMapping') {
    throw new KcgError('InvalidInput', 'an event source mapping publishes no positions to compare with', {
      fix: 'Look at its IteratorAge in CloudWatch.',
    });
  }
  const place = placeOf(group, options, env);
  useLocalCredentials([place.kinesis, place.dynamodb], env);
  const clients = openClients(place);
  const source = importSourceOf(group, { ...clients, env, flag: '--with' });
  const { table: tableName } = place;
  const groupId = rowsGroupIdOf(group);
  const at = { ...USER_CALLS, client: clients.client, tableName, groupId };
  let refused = false;
  const look = async (signal: AbortSignal) => {
    const [leases, found] = await Promise.all([
      leasesOf(() => openLeaseTable(at, signal), signal),
      source.look({ signal, nowMs: systemClock.now() }),
    ]);
    const comparison = compare({ groupId, source: source.name, leases, found });
    refused = comparison.refusals.length > 0;
    return printComparison(comparison, options.output);
  };
  try {
    await show(look, options.watch, stop);
    return refused && !options.watch ? 1 : 0;
  } catch (thrown) {
    if (stop.aborted) throw abortError(stop);
    throw thrown;
  } finally {
    source.close();
    clients.close();
  }
}

/** A group that has not begun has no table, and no positions. */
async function leasesOf(
  open: () => ReturnType<typeof openLeaseTable>,
  signal: AbortSignal,
): Promise<Lease[]> {
  try {
    return decodeRows(await (await open()).query('all', { consistent: true, signal })).leases;
  } catch (thrown) {
    if (hasCode(thrown, 'NotFound')) return [];
    throw thrown;
  }
}

function compare({
  groupId,
  source,
  leases,
  found: { foreign, plan },
}: {
  groupId: string;
  source: string;
  leases: readonly Lease[];
  found: SourceLook;
}): Comparison {
  const here = new Map(leases.map((lease) => [lease.shardId, lease.checkpoint]));
  const there = new Map(foreign?.positions.map((position) => [position.shardId, position]));
  const ids = [
    ...new Set([...here.keys(), ...there.keys(), ...plan.shards.map(({ lease }) => lease.shardId)]),
  ];
  const shards = ids.toSorted().map((shardId): ComparedShard => {
    const [ours, theirs] = [here.get(shardId), there.get(shardId)];
    const lead = comparePositions(ours, theirs?.point);
    return {
      shardId,
      here: ours && formatPosition(ours),
      there: theirs && formatPosition(theirs.point),
      ahead: lead.ahead,
      byMs: lead.byMs,
      owner: theirs?.owner,
    };
  });
  return { groupId, source, shards, refusals: foreign?.refusals ?? [] };
}
