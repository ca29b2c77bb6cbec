import { AWS_ROLES_ANNOTATION } from '../../src/api/labels.ts';
import { KINDS, type KubeObject } from '../../src/kubernetes/cluster.ts';
import { runPods } from '../crash/stand-in-pods.ts';
import { runWorkers } from '../crash/stand-in-workers.ts';
import { groupObject, Harness, NAME } from './reconcile-harness.ts';
import { mayBeZero } from './walk-ends.ts';
import { ALLOWED_ROLES, changed, readSpec, type Spec, type Step, type Walk } from './walk-specs.ts';
import { TROUBLES } from './walk-troubles.ts';

/** Longer than any stabilisation and back-off of a walk. */
const SETTLING_MS = 420_000;
const LOOK_MS = 30_000;

export function harness(atMs = 0): Harness {
  const h = new Harness({ pollMs: LOOK_MS });
  h.clock.freeze(atMs);
  h.kinesis.createStream({ name: 'orders', shardCount: 2 });
  const metadata = { name: 'shop', annotations: { [AWS_ROLES_ANNOTATION]: ALLOWED_ROLES } };
  h.cluster.create(KINDS.namespace, { apiVersion: 'v1', kind: 'Namespace', metadata });
  return h;
}

const plain = (spec: Spec): Spec => JSON.parse(JSON.stringify(spec)) as Spec;
const create = (h: Harness, spec: Spec) => h.create(plain(spec));
const apply = (h: Harness, spec: Spec) =>
  h.cluster.update(KINDS.consumerGroup, NAME, (draft: KubeObject) => {
    draft.spec = groupObject(plain(spec)).spec;
  });

/** Pods and workers do what they do, then the operator looks. @returns when it wants to look again, ms */
async function look(h: Harness): Promise<number> {
  const { clock, cluster, kinesis } = h;
  await runPods(cluster);
  const groups = () =>
    [...h.rows].map(([key, rows]) => {
      const [table = '', groupId = ''] = key.split('/');
      return { table, groupId, rows };
    });
  await runWorkers({ clock, cluster, kinesis, groups });
  for (const { rows } of groups()) {
    for (const { ts, epoch, ...row } of rows.rows()) {
      // No record comes, so no position is written. An epoch is the second in which the row was made.
      if (ts !== undefined || epoch === 1)
        rows.store(row.shard_id, { ...row, epoch: epoch === 1 ? Math.floor(clock.now() / 1_000) : epoch! });
    }
  }
  return (await h.reconcile()) ?? 60_000;
}

async function looks(h: Harness, times: number, { mayFail = false } = {}): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    const again = look(h);
    const inMs = await (mayFail ? again.catch(() => 1_000) : again);
    await h.clock.advance(Math.min(Math.max(inMs, 1_000), 3_000));
  }
}

export async function settleDown(h: Harness): Promise<void> {
  const until = h.clock.monotonic() + SETTLING_MS;
  while (h.clock.monotonic() < until) await h.clock.advance(Math.max(await look(h), 1_000));
}

async function follow(h: Harness, spec: Spec, { trouble, restarts, looks: times }: Step): Promise<void> {
  const end = trouble && TROUBLES[trouble](h);
  apply(h, spec);
  if (trouble) await looks(h, 2, { mayFail: true });
  if (restarts) h.restart();
  if (trouble && restarts) await looks(h, 1, { mayFail: true });
  end?.();
  await looks(h, times);
}

/** @returns the last spec */
export async function play(h: Harness, { first, steps }: Walk): Promise<Spec> {
  create(h, first);
  await looks(h, 4);
  let spec = first;
  for (const step of steps) {
    spec = changed(spec, step.change);
    await follow(h, spec, step);
  }
  // Without a table that kcg makes, a new group has none.
  if (readSpec(spec).checkpoints.table.management === 'Managed') return spec;
  const managed = { ...spec, checkpoints: {} };
  apply(h, managed);
  return managed;
}

/** A group that reads nothing at the end has read before: its pods and positions are what there is to be seen. */
export async function afresh(h: Harness, final: Spec): Promise<void> {
  const read = readSpec(final);
  const isOff = read.desiredState === 'Paused' || read.desiredState === 'Stopped';
  if (isOff || mayBeZero(read)) {
    create(h, { ...final, ...(isOff ? { desiredState: 'Running' } : {}), scaling: {} });
    await looks(h, 8);
    apply(h, final);
  } else create(h, final);
  await settleDown(h);
}

/** All that the operator writes, in Kubernetes and AWS, in its next looks. */
export async function writesAtRest(h: Harness): Promise<string[]> {
  const calls: string[] = [];
  h.kinesis.faults = (operation) => void (/^(Reg|Dereg)ister/.test(operation) && calls.push(operation));
  h.cluster.writes.length = 0;
  h.rowWrites.length = 0;
  h.tables.steps.length = 0;
  for (let time = 0; time < 4; time += 1) await h.clock.advance(Math.max(await look(h), 1_000));
  return [
    ...calls,
    ...h.cluster.writes.map(({ verb, on }) => `${verb} ${on}`),
    ...h.rowWrites,
    ...h.tables.steps.map(({ step }) => step.do),
  ];
}
