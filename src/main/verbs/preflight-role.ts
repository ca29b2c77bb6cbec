import type { KinesisConsumerGroup } from '../../api/group.ts';
import type { Check } from '../../cli/checks.ts';
import { KINDS, type Cluster } from '../../kubernetes/cluster.ts';
import { describeError } from '../../lib/errors.ts';
import { externalIdOf, readTenant, roleProblem } from '../../operator/plan/tenant.ts';
import type { UserCluster } from '../groups/user-cluster.ts';

/** Whether the namespace allows the role of the group, and with which external id it is assumed; nothing of a group without one. */
export async function checkRole(
  { metadata: { namespace }, spec: { aws } }: KinesisConsumerGroup,
  { cluster, explain }: { cluster: Pick<Cluster, 'get'>; explain: UserCluster['explain'] },
  { clusterId, signal }: { clusterId: string | undefined; signal: AbortSignal },
): Promise<Check[]> {
  if (aws === undefined) return [];
  const what = 'role';
  try {
    const found = await cluster.get(KINDS.namespace, { namespace: '', name: namespace }, { signal });
    const tenant = readTenant(namespace, found?.metadata.annotations ?? {});
    const problem = roleProblem(tenant, aws.roleArn);
    if (problem !== undefined) return [{ result: 'failed', what, found: problem }];
    const by = `namespace ${namespace} allows ${aws.roleArn}`;
    const id = externalIdOf(tenant, clusterId ?? 'UID-OF-KUBE-SYSTEM');
    if (id === undefined)
      return [
        { result: 'failed', what, found: `${by}, and AWS takes no external id like ${tenant.externalId}` },
      ];
    const next =
      tenant.externalId === undefined
        ? 'Where the operator is installed with a clusterId, that is in it in place of the uid of kube-system.'
        : undefined;
    return [{ result: 'ok', what, found: `${by}, which is assumed with the external id ${id}`, next }];
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    return [{ result: 'unknown', what, found: describeError(explain(thrown)) }];
  }
}
