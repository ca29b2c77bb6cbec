import { GROUP_LABEL, OPERATOR_SELECTOR, WORKER_CONTAINER_ANNOTATION } from '../../api/labels.ts';
import { WORKER_PORT } from '../../api/worker-config.ts';
import type { ReportInput } from '../../cli/report.ts';
import {
  KINDS,
  keyOf,
  type ObjectKey,
  type ResourceKind,
  type StoredObject,
} from '../../kubernetes/cluster.ts';
import { readLines } from '../../kubernetes/kube/lines.ts';
import { describeError } from '../../lib/errors.ts';
import { isAboutGroup } from '../../view/event-view.ts';
import type { UserCluster } from '../groups/user-cluster.ts';

export type Collected = Omit<ReportInput, 'version' | 'picture'>;

export const NOTHING: Collected = {
  kubernetes: undefined,
  objects: [],
  events: [],
  logs: new Map(),
  metrics: new Map(),
  missing: [],
};

const OPERATOR_PORT = 8_080;

interface CollectBy {
  found: UserCluster;
  options: { operatorNamespace: string; tail: number };
  signal: AbortSignal;
}

/** What Kubernetes has of a group and of the operator, as it is; what it does not give is in `missing`. */
export async function collect(
  group: StoredObject | undefined,
  key: ObjectKey,
  by: CollectBy,
): Promise<Collected> {
  const { found, options, signal } = by;
  const { calls } = found;
  const { namespace, name } = key;
  const missing: string[] = [];
  const attempt: Attempt = async (what, read, otherwise) => {
    try {
      return await read();
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      missing.push(`${what}: ${describeError(found.explain(thrown))}`);
      return otherwise;
    }
  };
  const select = (kind: ResourceKind, at: string, selector: string) =>
    attempt(kind.plural, () => calls.select(kind, { namespace: at, selector, signal }), []);
  const mine = `${GROUP_LABEL}=${name}`;
  const kinds = [KINDS.deployment, KINDS.replicaSet, KINDS.pod, KINDS.podDisruptionBudget];
  const [own, operators, events, kubernetes] = await Promise.all([
    Promise.all(kinds.map((kind) => select(kind, namespace, mine))),
    Promise.all(
      [KINDS.deployment, KINDS.pod].map((kind) => select(kind, options.operatorNamespace, OPERATOR_SELECTOR)),
    ),
    attempt('events', () => calls.select(KINDS.event, { namespace, signal }), []),
    attempt('version', () => calls.version(signal), undefined),
  ]);
  const told = await askPods([...own[2]!, ...operators[1]!], attempt, by);
  return {
    ...told,
    kubernetes,
    objects: [...(group ? [group] : []), ...own.flat(), ...operators.flat()],
    events: events.filter((event) => isAboutGroup(event, name)),
    missing,
  };
}

type Attempt = <T>(what: string, read: () => Promise<T>, otherwise: T) => Promise<T>;

/** Their logs and their metrics. */
async function askPods(
  pods: readonly StoredObject[],
  attempt: Attempt,
  { found: { calls }, options: { tail }, signal }: CollectBy,
): Promise<Pick<Collected, 'logs' | 'metrics'>> {
  const logs = new Map<string, string[]>();
  const metrics = new Map<string, string>();
  const ask = async (pod: StoredObject) => {
    const key = keyOf(pod);
    const { labels, annotations } = pod.metadata;
    const isWorker = labels?.[GROUP_LABEL] !== undefined;
    const container = isWorker ? (annotations?.[WORKER_CONTAINER_ANNOTATION] ?? 'worker') : 'operator';
    const lines = async () => {
      const chunks = await calls.log(key, { container, tailLines: tail, signal });
      const read: string[] = [];
      for await (const line of readLines(chunks)) read.push(line);
      return read;
    };
    logs.set(key.name, await attempt(`log of ${key.name}`, lines, []));
    const port = isWorker ? WORKER_PORT : OPERATOR_PORT;
    const metric = () => calls.askPod(key, port, '/metrics', signal);
    const text = await attempt<string | undefined>(`metrics of ${key.name}`, metric, undefined);
    if (text !== undefined) metrics.set(key.name, text);
  };
  await Promise.all(pods.map(ask));
  return { logs, metrics };
}
