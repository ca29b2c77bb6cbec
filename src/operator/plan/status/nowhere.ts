import type { DeploymentFacts, GroupFacts } from '../group-facts.ts';

export const NO_REGION =
  "no region is known. Set spec.region, use stream.arn, or set the operator's --default-region (KCG_DEFAULT_REGION).";

/** Of a group for which no region is known, or whose role is not allowed: nothing can be looked at. */
export function nowhere({
  group,
  groupId,
  region,
  roleProblem,
  deployment,
}: Pick<GroupFacts, 'group' | 'groupId' | 'region' | 'roleProblem'> & {
  /** Its workers go on. */
  deployment: DeploymentFacts | undefined;
}): GroupFacts {
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
    workload: { deployment, problem: undefined },
    view: undefined,
    expiringShards: [],
    scaling: undefined,
    failures: [],
    lastScale: undefined,
    lastFailover: undefined,
  };
}
