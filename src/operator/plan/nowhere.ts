import type { GroupFacts } from './group-facts.ts';

/** Of a group for which no region is known: nothing can be looked at. */
export function nowhere({ group, groupId }: Pick<GroupFacts, 'group' | 'groupId'>): GroupFacts {
  return {
    group,
    groupId,
    region: undefined,
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
