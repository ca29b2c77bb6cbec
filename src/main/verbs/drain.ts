import { GROUP_LABEL } from '../../api/labels.ts';
import { actOptions } from '../../cli/act.ts';
import { KINDS, type StoredObject } from '../../kubernetes/cluster.ts';
import { parseRef } from '../../leases/lease.ts';
import { abortError, systemClock } from '../../lib/clock.ts';
import { count } from '../../lib/count.ts';
import { describeError, KcgError } from '../../lib/errors.ts';
import { parseOptions, type OptionTable } from '../../lib/options.ts';
import { clusterOptions } from '../../cli/cluster-options.ts';
import { placeOptions } from '../../cli/group-options.ts';
import { GroupLooker } from '../groups/group-looker.ts';
import { sourceOf, type GroupSource } from '../groups/group-sources.ts';
import { readUserCluster, type UserCluster } from '../groups/user-cluster.ts';

export const drainOptions = {
  ...clusterOptions,
  timeout: actOptions.timeout,
  'dry-run': actOptions['dry-run'],
  region: placeOptions.region,
  'dynamodb-endpoint': placeOptions['dynamodb-endpoint'],
} as const satisfies OptionTable;

/** As kubectl drain tries again where a PodDisruptionBudget says not now, ms. */
const REFUSED_MS = 5_000;
const LOOK_MS = 1_000;

/** `kcg drain POD`: the pod gives its shards away and ends; its Deployment starts another. */
export async function runDrainCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options, positionals } = parseOptions(drainOptions, argv, env, {
    positionals: 100,
    prefix: /^pods?\//,
  });
  if (positionals.length === 0) {
    throw new KcgError('InvalidInput', 'drain needs to know which pod', {
      fix: 'Run kcg drain POD -n NAMESPACE; kcg leases GROUP lists the workers.',
    });
  }
  const orElse = 'This needs Kubernetes: without it, end the worker with SIGTERM where it runs.';
  return await readUserCluster(options, { env, orElse }, async (found) => {
    const pods = await Promise.all(positionals.map((name) => workerPod(name, found, stop)));
    const source = (pod: StoredObject) => sourceOfPod(pod, found, { options, env, stop });
    for (const pod of pods) await drain(pod, await source(pod), found, { ...options, stop });
    return 0;
  });
}

/** @throws KcgError `NotFound`, or `InvalidInput` for a pod that is none of ours */
async function workerPod(
  name: string,
  { cluster, namespace }: UserCluster,
  signal: AbortSignal,
): Promise<StoredObject> {
  const bare = name.replace(/^pods?\//, '');
  const pod = await cluster.get(KINDS.pod, { namespace, name: bare }, { signal });
  if (!pod) throw new KcgError('NotFound', `there is no pod ${bare} in namespace ${namespace}`);
  if (pod.metadata.labels?.[GROUP_LABEL] === undefined) {
    throw new KcgError('InvalidInput', `the pod ${bare} is no worker of a consumer group`, {
      fix: `kubectl get pods -l ${GROUP_LABEL} lists those.`,
    });
  }
  return pod;
}

async function sourceOfPod(
  { metadata }: StoredObject,
  { cluster, namespace }: UserCluster,
  {
    options,
    env,
    stop,
  }: {
    options: { region?: string | undefined; dynamodbEndpoint?: string | undefined };
    env: NodeJS.ProcessEnv;
    stop: AbortSignal;
  },
): Promise<GroupSource | undefined> {
  const name = metadata.labels?.[GROUP_LABEL] ?? '';
  const group = await cluster.get(KINDS.consumerGroup, { namespace, name }, { signal: stop });
  const nothing = {
    file: undefined,
    table: undefined,
    group: undefined,
    stream: undefined,
    kinesisEndpoint: undefined,
  };
  const cluster_ = { namespace: undefined, server: undefined, kubeconfig: undefined, context: undefined };
  const { region, dynamodbEndpoint } = options;
  return group && sourceOf(group, { ...nothing, ...cluster_, region, dynamodbEndpoint }, env);
}

async function drain(
  pod: StoredObject,
  source: GroupSource | undefined,
  { calls, cluster }: UserCluster,
  { dryRun, timeout, stop }: { dryRun: string; timeout: number; stop: AbortSignal },
): Promise<void> {
  const { namespace = '', name, uid } = pod.metadata;
  const key = { namespace, name };
  const looker = new GroupLooker();
  try {
    const before = source && (await ownersOf(looker, source, stop));
    const held =
      typeof before === 'object' ? [...before].filter(([, owner]) => owner === name).map(([id]) => id) : [];
    const holds = typeof before === 'object' ? `, which owns ${count(held.length, 'shard')}` : '';
    say(`evicting pod ${namespace}/${name}${holds}`);
    if (dryRun === 'client') return say(`pod/${name} drained (dry run)`);
    await evict(() => calls.evict(key, { dryRun: dryRun === 'server', signal: stop }), {
      name,
      timeout,
      stop,
    });
    if (dryRun === 'server') return say(`pod/${name} drained (server dry run)`);
    const end = systemClock.monotonic() + timeout * 1_000;
    for (;;) {
      const now = await cluster.get(KINDS.pod, key, { signal: stop });
      if (now?.metadata.uid !== uid) break;
      if (stop.aborted) throw abortError(stop);
      if (systemClock.monotonic() > end) {
        // No `Timeout`: whoever was asked has answered.
        throw new KcgError('Conflict', `pod ${name} still drains after ${timeout} s`, {
          fix: 'Its handler works on a batch: kcg logs shows it. It is killed at the end of its termination grace.',
        });
      }
      await systemClock.sleep(LOOK_MS, { signal: stop });
    }
    say(`pod/${name} drained`);
    const after = source && (await ownersOf(looker, source, stop));
    if (typeof after === 'object') for (const id of held) say(`  ${id} → ${after.get(id) ?? 'nobody yet'}`);
    else if (after !== undefined)
      process.stderr.write(`warning: where its shards went is not known: ${after}\n`);
  } finally {
    looker.close();
  }
}

async function evict(
  ask: () => ReturnType<UserCluster['calls']['evict']>,
  { name, timeout, stop }: { name: string; timeout: number; stop: AbortSignal },
): Promise<void> {
  const end = systemClock.monotonic() + timeout * 1_000;
  for (;;) {
    const answer = await ask();
    if (answer.outcome !== 'refused') return;
    process.stderr.write(`not now: ${answer.message}\n`);
    if (systemClock.monotonic() + REFUSED_MS > end) {
      throw new KcgError('Conflict', `pod ${name} may not be evicted: ${answer.message}`, {
        fix: 'Wait until the other pods of the group are ready (kcg status), and drain it again.',
      });
    }
    await systemClock.sleep(REFUSED_MS, { signal: stop });
  }
}

/** Shard → worker; why not, when the rows cannot be read. */
async function ownersOf(
  looker: GroupLooker,
  source: GroupSource,
  signal: AbortSignal,
): Promise<Map<string, string> | string> {
  try {
    const { leases } = await looker.aws(source).rows(signal);
    const unended = leases.filter(({ checkpoint }) => checkpoint.at !== 'SHARD_END');
    return new Map(
      unended.flatMap(({ shardId, owner }) => (owner ? [[shardId, parseRef(owner).worker]] : [])),
    );
  } catch (thrown) {
    return describeError(thrown);
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
