import { accountOfArn } from '../../api/arn.ts';
import {
  API_VERSION,
  groupIdOf,
  KIND,
  regionOf,
  streamNameOf,
  tableNameOf,
  type KinesisConsumerGroup,
} from '../../api/group.ts';
import { readGroupLeniently } from '../../api/stored-group.ts';
import type { Check } from '../../cli/checks.ts';
import { applyPatch } from '../../kubernetes/apply-patch.ts';
import { keyOf, KINDS, type ObjectKey, type StoredObject } from '../../kubernetes/cluster.ts';
import { count } from '../../lib/count.ts';
import { describeError, hasCode } from '../../lib/errors.ts';
import type { GroupSource } from '../groups/group-sources.ts';
import type { UserCluster } from '../groups/user-cluster.ts';
import { workloadName } from '../../operator/plan/workload/desired-objects.ts';
import { checkPods } from './preflight-pods.ts';
import { checkRole } from './preflight-role.ts';

/** What the cluster says of a group that is to be applied. */
export interface ClusterFacts {
  checks: Check[];
  clusterId: string | undefined;
  /** The resource of that name, if there is one. */
  existing: StoredObject | undefined;
  /** All uids of groups → `namespace/name`; undefined = they could not be listed. */
  groups: ReadonlyMap<string, string> | undefined;
}

export async function checkCluster(
  { group }: GroupSource,
  found: UserCluster,
  signal: AbortSignal,
): Promise<ClusterFacts> {
  const { cluster, calls } = found;
  const { namespace, name } = group!.metadata;
  const key = { namespace, name };
  // The first question tells whether anybody answers.
  const version = await calls.version(signal);
  const existing = await cluster.get(KINDS.consumerGroup, key, { signal }).catch(() => undefined);
  const [applied, all, clusterId] = await Promise.all([
    tryApply(calls, existing, { key, object: bare(group!), signal }).then(
      (after) => ({ after, thrown: undefined }),
      (thrown: unknown) => ({ after: undefined, thrown }),
    ),
    calls.select(KINDS.consumerGroup, { signal }).catch((thrown: unknown) => explained(found, thrown)),
    cluster.clusterId({ signal }).catch(() => undefined),
  ]);
  const checks: Check[] = [
    { result: 'ok', what: 'Kubernetes', found: `answers, ${version}` },
    admission(applied.thrown, key.namespace),
  ];
  const groups = typeof all === 'string' ? undefined : all;
  if (groups === undefined)
    checks.push({
      result: 'unknown',
      what: 'conflicts',
      found: `other groups could not be listed: ${all as string}`,
    });
  else {
    const others = groups.flatMap((object) => {
      const read = readGroupLeniently(object);
      const isSame = object.metadata.namespace === namespace && object.metadata.name === name;
      return read.outcome === 'ok' && !isSame ? [read.group] : [];
    });
    checks.push(conflict(group!, others), ...checkReaders(group!, others));
  }
  checks.push(...(await serviceAccount(group!, found, signal)));
  checks.push(...(await checkRole(group!, found, { clusterId, signal })));
  if (applied.after) checks.push(...(await pods(existing, applied.after, found, signal)));
  return {
    checks,
    clusterId,
    existing,
    groups:
      groups &&
      new Map(groups.map(({ metadata }) => [metadata.uid, `${metadata.namespace}/${metadata.name}`])),
  };
}

/** As `kubectl apply` would do it, from what it applied last; where it has not, as the server does. */
async function tryApply(
  calls: UserCluster['calls'],
  existing: StoredObject | undefined,
  { key, object, signal }: { key: ObjectKey; object: object; signal: AbortSignal },
): Promise<StoredObject> {
  const patch = applyPatch(existing, object);
  if (patch === undefined) return await calls.tryApply(KINDS.consumerGroup, key, object, { signal });
  return await calls.patch(KINDS.consumerGroup, key, patch, { dryRun: true, strict: true, signal });
}

async function pods(
  before: StoredObject | undefined,
  after: StoredObject,
  found: UserCluster,
  signal: AbortSignal,
): Promise<Check[]> {
  const { namespace, name } = keyOf(after);
  try {
    const key = { namespace, name: workloadName(name) };
    const deployment = await found.cluster.get(KINDS.deployment, key, { signal });
    return await checkPods({ before, after, deployment }, found, signal);
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    return [{ result: 'unknown', what: 'pods', found: explained(found, thrown) }];
  }
}

/** What `kubectl apply` would send: nothing that only a server sets. */
function bare({ metadata: { namespace, name, labels, annotations }, spec }: KinesisConsumerGroup): object {
  return { apiVersion: API_VERSION, kind: KIND, metadata: { namespace, name, labels, annotations }, spec };
}

function explained({ explain }: UserCluster, thrown: unknown): string {
  return describeError(explain(thrown));
}

function admission(thrown: unknown, namespace: string): Check {
  const what = 'apply';
  if (thrown === undefined) return { result: 'ok', what, found: 'the API server takes it (server dry run)' };
  const found = describeError(thrown);
  if (hasCode(thrown, 'AccessDenied'))
    return { result: 'failed', what, found, next: 'Ask for the role "edit" in the namespace.' };
  if (!hasCode(thrown, 'NotFound')) return { result: 'failed', what, found };
  const next = found.includes(`namespaces "${namespace}"`)
    ? `Create the namespace: kubectl create namespace ${namespace}.`
    : undefined;
  return { result: 'failed', what, found, next };
}

function conflict(group: KinesisConsumerGroup, others: readonly KinesisConsumerGroup[]): Check {
  const taken = others.find(
    (other) => groupIdOf(other) === groupIdOf(group) && tableNameOf(other) === tableNameOf(group),
  );
  const what = 'conflicts';
  if (!taken)
    return { result: 'ok', what, found: `no other group of the cluster has the id ${groupIdOf(group)}` };
  const { namespace, name } = taken.metadata;
  return {
    result: 'failed',
    what,
    found: `${namespace}/${name} has the same id ${groupIdOf(group)} and the same table`,
    next: 'Give one of the two another spec.groupId.',
  };
}

/** Polling readers of a shard share five reads a second: a group's one and those of the others. */
const MANY_READERS = 4;

export function checkReaders(group: KinesisConsumerGroup, others: readonly KinesisConsumerGroup[]): Check[] {
  if (group.spec.consumer.type !== 'Polling') return [];
  const same = others.filter(
    (other) => other.spec.consumer.type === 'Polling' && mayBeSameStream(other, group),
  );
  const found = `${count(same.length, 'other group')} of the cluster ${same.length === 1 ? 'polls' : 'poll'} the stream; all share 5 reads and 2 MB a second of each shard`;
  const next = 'Take consumer.type: EnhancedFanOut for some of them.';
  return [
    same.length >= MANY_READERS
      ? { result: 'warning', what: 'readers', found, next }
      : { result: 'ok', what: 'readers', found },
  ];
}

/** By all that both specs say: one by name may be of any account. */
function mayBeSameStream(one: KinesisConsumerGroup, other: KinesisConsumerGroup): boolean {
  if (streamNameOf(one) !== streamNameOf(other)) return false;
  return [regionIn, accountIn].every((part) => {
    const [a, b] = [part(one), part(other)];
    return a === undefined || b === undefined || a === b;
  });
}

function regionIn(group: KinesisConsumerGroup): string | undefined {
  return regionOf(group, undefined);
}

/** A stream by name is in the account of the role. */
function accountIn({ spec: { stream, aws } }: KinesisConsumerGroup): string | undefined {
  return accountOfArn(stream.arn ?? aws?.roleArn);
}

async function serviceAccount(
  { metadata: { namespace }, spec }: KinesisConsumerGroup,
  { cluster }: UserCluster,
  signal: AbortSignal,
): Promise<Check[]> {
  const name = (spec.template as { spec?: { serviceAccountName?: string } } | undefined)?.spec
    ?.serviceAccountName;
  if (name === undefined) return [];
  const what = 'account';
  try {
    const found = await cluster.get(KINDS.serviceAccount, { namespace, name }, { signal });
    if (found) return [{ result: 'ok', what, found: `the ServiceAccount ${name} of the workers is there` }];
    const next = `kubectl create serviceaccount ${name} -n ${namespace}, with the workers' role.`;
    return [{ result: 'failed', what, found: `there is no ServiceAccount ${name} for the workers`, next }];
  } catch (thrown) {
    return [{ result: 'unknown', what, found: describeError(thrown) }];
  }
}
