import type { GroupFacts } from './group-facts.ts';

/** Of a group for which no region is known, or whose role is not allowed: nothing can be looked at. */
export function nowhere({
  group,
  groupId,
  region,
  roleProblem,
}: Pick<GroupFacts, 'group' | 'groupId' | 'region' | 'roleProblem'>): GroupFacts {
  return {
    group,
    groupId,
    region,
    roleProblem,
    stream: { summary: undefined, shards: undefined, error: undefined },
    table: undefined,
    consumer: undefined,
    claim: undefined,
    imported: 'none',
    workload: { deployment: undefined, problem: undefined },
    view: undefined,
    expiringShards: [],
    scaling: undefined,
    failures: [],
    lastScale: undefined,
    lastFailover: undefined,
  };
}
