import { env } from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KINDS, type KubeObject } from '../../src/kubernetes/cluster.ts';
import { loadKubeAccess } from '../../src/kubernetes/kube/config.ts';
import { randomInt, seededRandom } from '../../src/lib/random.ts';
import { sizeOf, type ProcessSize } from '../soak/process-size.ts';
import { until } from '../support/until.ts';
import { OperatorProcess, Site } from './operator-process.ts';
import { TroubleGate } from './trouble-gate.ts';

/*
 * Groups come, change and go all the time while an operator's API server is in trouble of each kind, one after the other: after each,
 * every group is as somebody has asked for it last. It goes round once, in haste; for KCG_API_SOAK_MINUTES at leisure, and then
 * weighs the operator each time.
 */

const MINUTES = Number(env['KCG_API_SOAK_MINUTES'] ?? 0);
/** Of how long a trouble lasts. */
const SHARE = MINUTES > 0 ? 1 : 0.3;
const NAMESPACE = 'churn';
const NAMES = Array.from({ length: 12 }, (_, index) => `g${index}`);
const CHURN_MS = 300;
const AGREE_SECONDS = 600;
/** What a process may have more at the end than halfway: as of the workers of the soak. */
const MOST_GROWTH = { ownBytes: 40 * 2 ** 20, descriptors: 12 };

/** As in the chart: with a machine's memory Node leaves garbage for later. */
const CHART_HEAP = '--max-old-space-size=256 --max-semi-space-size=8';

const random = seededRandom(Date.now() % 2 ** 31);
let site: Site;
let gate: TroubleGate;
let operator: OperatorProcess;
/** What each group is to be; one that is not here is gone. */
const wished = new Map<string, { replicas: number; note: string }>();
let changes = 0;
const tell = (line: string) => process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);

beforeAll(async () => {
  site = await Site.open();
  site.kinesis.kinesis.createStream({ name: 'orders', shardCount: 8 });
  await site.kubectl(`create namespace ${NAMESPACE}`);
  const access = loadKubeAccess({ kubeconfig: site.plane.kubeconfig });
  gate = await TroubleGate.start(
    { url: access.server, ...(await access.credentials({ fresh: false })) },
    random,
  );
  const flags = {
    kubeconfig: gate.kubeconfig,
    'watch-namespaces': NAMESPACE,
    'worker-image': 'kcg:test',
    'kinesis-endpoint': site.kinesis.endpoint,
    'dynamodb-endpoint': site.dynamodb.endpoint,
  };
  const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]);
  operator = await new OperatorProcess(args, { NODE_OPTIONS: CHART_HEAP }).works();
});
afterAll(async () => {
  await operator?.end('SIGKILL');
  await site?.close();
  await gate?.close();
});

async function changeOne(): Promise<void> {
  const name = NAMES[randomInt(random, NAMES.length)]!;
  changes += 1;
  if (wished.has(name) && random() < 0.25) {
    await site.cluster.delete(KINDS.consumerGroup, { name, namespace: NAMESPACE });
    wished.delete(name);
    return;
  }
  const wish = { replicas: 1 + randomInt(random, 3), note: `n${changes}` };
  const group: KubeObject = {
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisConsumerGroup',
    metadata: { name, namespace: NAMESPACE },
    spec: {
      stream: { name: 'orders' },
      region: 'eu-west-1',
      handler: { log: {} },
      scaling: { mode: 'External', replicas: wish.replicas },
      template: { metadata: { annotations: { note: wish.note } } },
    },
  };
  const options = { fieldManager: 'somebody', force: true };
  const apply = () => site.cluster.apply(KINDS.consumerGroup, group, options);
  await until(`${name} is changed`, async () => (await apply()).outcome === 'applied');
  wished.set(name, wish);
}

/** Groups change until `trouble` is over. */
async function throughout(trouble: () => Promise<unknown>): Promise<void> {
  let isOver = false;
  const over = trouble().finally(() => (isOver = true));
  while (!isOver) {
    await changeOne();
    await setTimeout(CHURN_MS);
  }
  await over;
  gate.trouble = {};
}

/** In words, what is not as it was asked for. */
async function differences(): Promise<string[]> {
  const [groups, deployments] = await Promise.all(
    [KINDS.consumerGroup, KINDS.deployment].map((kind) => site.cluster.list(kind, { namespace: NAMESPACE })),
  );
  const seen = new Set(
    groups!
      .filter(({ metadata, status }) => {
        const { observedGeneration } = (status ?? {}) as { observedGeneration?: number };
        return observedGeneration === metadata.generation;
      })
      .map(({ metadata }) => metadata.name),
  );
  const made = new Map(
    deployments!.map(({ metadata, spec }) => {
      const { replicas, template } = spec as { replicas: number; template: KubeObject };
      const text = `${replicas} ${template.metadata.annotations?.['note']}`;
      return [metadata.name.replace(/-worker$/, ''), text] as const;
    }),
  );
  return NAMES.flatMap((name) => {
    const wish = wished.get(name);
    if (!wish) return made.has(name) ? [`${name} is gone, and its Deployment is there`] : [];
    const text = `${wish.replicas} ${wish.note}`;
    const is = `${made.get(name)}${seen.has(name) ? '' : ', and its status is old'}`;
    return is === text ? [] : [`${name} is to be ${text}, and is ${is}`];
  });
}

const TROUBLES: Record<string, () => Promise<unknown>> = {
  none: () => during({}, 5_000),
  'calls are throttled, with Retry-After': () => during({ throttled: 0.5 }, 15_000),
  'calls fail': () => during({ failing: 0.4 }, 15_000),
  'calls are done and not answered': () => during({ unanswered: 0.3 }, 15_000),
  'answers are slow': () => during({ lateMs: 3_000 }, 15_000),
  'events come again, and in another order': () => during({ repeated: 0.4, swapped: 0.4 }, 15_000),
  'watches end': () => during({ cut: 0.1 }, 15_000),
  'versions are forgotten': () => during({ gone: 0.1 }, 15_000),
  'it says nothing': () => during({ silent: true }, 45_000),
  'it is away': async () => {
    await gate.refuse();
    await during({}, 30_000);
    await gate.accept();
  },
  'the token is another': () => gate.renewToken(3_000),
  'another authority has signed its certificate': () => gate.renewCertificate(3_000),
};

async function during(trouble: TroubleGate['trouble'], ms: number): Promise<void> {
  gate.trouble = trouble;
  await setTimeout(ms * SHARE);
}

/** The least of some looks: what is there when garbage is collected. */
async function sizeAtRest(): Promise<ProcessSize> {
  const sizes: ProcessSize[] = [];
  for (let look = 0; look < 20; look += 1) {
    await setTimeout(1_000);
    const size = sizeOf(operator.pid);
    if (size) sizes.push(size);
  }
  return {
    ownBytes: Math.min(...sizes.map(({ ownBytes }) => ownBytes)),
    descriptors: Math.min(...sizes.map(({ descriptors }) => descriptors)),
  };
}

test(
  'no change is missed, and the operator stays as large, whatever becomes of the API server',
  async () => {
    const rests: ProcessSize[] = [];
    const endMs = performance.now() + MINUTES * 60_000;
    do {
      for (const [name, trouble] of Object.entries(TROUBLES)) {
        tell(name);
        await throughout(trouble);
        const agrees = async () => (await differences()).length === 0;
        await until(`all is as asked for, when ${name}`, agrees, AGREE_SECONDS, async () => ({
          differences: await differences(),
          lines: operator.lines.slice(-20),
        }));
        operator.lines.length = Math.min(operator.lines.length, 100);
      }
      if (MINUTES === 0) break;
      const size = await sizeAtRest();
      rests.push(size);
      tell(`${changes} changes; ${(size.ownBytes / 2 ** 20).toFixed(0)} MB, ${size.descriptors} descriptors`);
    } while (performance.now() < endMs);
    expect(changes).toBeGreaterThan(20);
    if (rests.length === 0) return;
    const [middle, end] = [rests[(rests.length - 1) >> 1]!, rests.at(-1)!];
    expect(end.ownBytes - middle.ownBytes).toBeLessThan(MOST_GROWTH.ownBytes);
    expect(end.descriptors - middle.descriptors).toBeLessThan(MOST_GROWTH.descriptors);
  },
  (MINUTES + 60) * 60_000,
);
