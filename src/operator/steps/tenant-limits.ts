import { describeError, hasCode } from '../../lib/errors.ts';
import { keyOf, type StoredObject } from '../../kubernetes/cluster.ts';
import { named } from '../plan/named.ts';
import type { ReplicasDecision } from '../plan/scaling/desired-replicas.ts';
import { belongsTo, replicasOf, workloadName } from '../plan/workload/desired-objects.ts';
import type { TableFacts } from '../plan/group-facts.ts';
import type { Tenant } from '../plan/tenant.ts';
import { lookAgain, type Pass, type PlacedPass } from '../reconcile-context.ts';

/* What the namespace lets its groups have together, held against what a group would get now. What they have, they keep. */

/** Others may free some, or the limit may be raised. */
const LIMITED_MS = 20_000;

/** Why no table is made for the group; otherwise one is booked for it. */
export async function tableLimit(pass: PlacedPass): Promise<TableFacts | undefined> {
  const limit = (await tenantOf(pass))?.maxTables;
  if (!limit) return undefined;
  const { object, target, tenants } = pass;
  const others = othersOf(pass);
  const { isBooked, holders } = tenants.booked.bookTable(object.metadata.uid, { others, most: limit.most });
  if (isBooked) return undefined;
  const names = holders.map(({ metadata }) => metadata.name);
  const theirs = names.length === 0 ? '' : `; those that kcg has made are of ${named(names)}`;
  return {
    status: 'False',
    reason: 'TableLimitReached',
    message: `table ${target.table} is not made: ${limit.words}${theirs}`,
    usable: false,
    info: { name: target.table },
  };
}

/** `decision`, or as much of it as the namespace has left. */
export async function withinLimit(
  pass: PlacedPass,
  decision: ReplicasDecision,
  existing: StoredObject | undefined,
): Promise<ReplicasDecision> {
  const { booked } = pass.tenants;
  const { uid } = pass.object.metadata;
  const current = replicasOf(existing) ?? 0;
  const limit = decision.replicas > current ? (await tenantOf(pass))?.maxReplicas : undefined;
  // From here on nothing is waited for: two groups that grow at once are counted one after the other.
  const others = limit ? replicasOfOthers(pass) : 0;
  const replicas = limit
    ? Math.max(current, Math.min(decision.replicas, limit.most - others))
    : decision.replicas;
  booked.bookReplicas(uid, replicas);
  if (!limit || replicas === decision.replicas) return decision;
  lookAgain(pass, LIMITED_MS);
  const reason = `${decision.reason}; ${limit.words}, and its other groups have ${others}`;
  return { ...decision, replicas, reason, limitedBy: 'NamespaceLimit' };
}

/** Undefined when the operator may not read the namespace: there is no limit then that it could know. */
async function tenantOf({ tenants, group, options, signal }: Pass): Promise<Tenant | undefined> {
  const { namespace } = group.metadata;
  try {
    return await tenants.read(namespace, signal);
  } catch (thrown) {
    if (!hasCode(thrown, 'AccessDenied')) throw thrown;
    options.log.warn('the limits of a namespace are not known', { namespace, error: describeError(thrown) });
    return undefined;
  }
}

function othersOf({ options, object }: Pass): StoredObject[] {
  const { uid, namespace } = object.metadata;
  return options.caches.groups.list(namespace).filter(({ metadata }) => metadata.uid !== uid);
}

function replicasOfOthers(pass: Pass): number {
  const { options, tenants } = pass;
  const of = (other: StoredObject) => {
    const { namespace, name } = keyOf(other);
    const deployment = options.caches.deployments.get({ namespace, name: workloadName(name) });
    const runs = deployment && belongsTo(deployment, other.metadata) ? replicasOf(deployment) : 0;
    return tenants.booked.replicasOf(other.metadata.uid) ?? runs ?? 0;
  };
  return othersOf(pass).reduce((sum, other) => sum + of(other), 0);
}
