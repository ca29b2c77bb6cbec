import type { GroupStatus } from '../../../api/group-status.ts';
import type { GroupFacts } from '../group-facts.ts';

/**
 * What the status said of stream, rows and scaling and nobody can tell at the moment: it stays, and the conditions say that it is
 * not known now. Of another stream or table nothing stays.
 */
export function keepKnown(
  { stream, view, table, group, scaling }: GroupFacts,
  previous: GroupStatus | undefined,
): Pick<GroupStatus, 'stream' | 'table' | 'leases' | 'lag' | 'shards' | 'workers' | 'delivery' | 'scaling'> {
  if (!previous) return {};
  const kept: ReturnType<typeof keepKnown> = {};
  const { name, arn } = group.spec.stream;
  const isSameStream =
    arn === undefined ? previous.stream?.arn?.endsWith(`/${name}`) : previous.stream?.arn === arn;
  const isGone = stream.error?.code === 'NotFound';
  if (!stream.summary && !isGone && isSameStream) kept.stream = previous.stream;
  if (!table) kept.table = previous.table;
  if (!scaling && previous.scaling) kept.scaling = previous.scaling;
  if (!view && (!table || table.info.name === previous.table?.name)) {
    const { leases, lag, shards, workers, delivery } = previous;
    Object.assign(kept, { leases, lag, shards, workers, ...(delivery ? { delivery } : {}) });
  }
  return kept;
}
