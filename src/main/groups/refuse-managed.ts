import type { KinesisConsumerGroup } from '../../api/group.ts';
import { LOCAL_CLUSTER_ID } from '../../dev/local-cluster-id.ts';
import type { Claim } from '../../leases/claim.ts';
import { KcgError } from '../../lib/errors.ts';

/** The operator of a cluster that has claimed the group; undefined = none, or the local one of `kcg dev`. */
export function operatorOf(claim: Claim | undefined): string | undefined {
  return claim?.clusterId === LOCAL_CLUSTER_ID ? undefined : claim?.clusterId;
}

export interface Way {
  say: string;
  line?: string | undefined;
}

/**
 * Two would write one group's rows: the operator of a cluster has a way of its own, that it knows of; it starts and judges
 * workers by what it sees.
 * @param way what to do instead, a sentence, and perhaps a line to copy, which ends what is told; it gets the name of the
 * group in its cluster, with its namespace as a flag
 * @throws KcgError `Conflict` when the claim is of the operator of a cluster
 */
export function refuseManaged(
  claim: Claim | undefined,
  { name, namespace }: Pick<KinesisConsumerGroup['metadata'], 'name' | 'namespace'>,
  way: (group: string) => Way,
): void {
  const cluster = operatorOf(claim);
  if (cluster === undefined) return;
  const where = claim?.namespace ?? namespace;
  const { say, line } = way(`${name} -n ${where}`);
  throw new KcgError(
    'Conflict',
    `an operator runs the group: its claim in the table names namespace ${where} of cluster ${cluster}. Nothing was written`,
    { fix: withLine(`${say} If no operator runs the group any more, add --unmanaged.`, line) },
  );
}

/** A line of its own is copied whole. */
export function withLine(text: string, line: string | undefined): string {
  return line === undefined ? text : `${text}\n  ${line}`;
}
