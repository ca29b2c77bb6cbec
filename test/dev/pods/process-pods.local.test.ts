import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ProcessPods } from '../../../src/dev/pods/process-pods.ts';
import { KINDS } from '../../../src/kubernetes/cluster.ts';
import { MemoryCluster } from '../../../src/kubernetes/memory/cluster.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { systemRandom } from '../../../src/lib/random.ts';
import { isRunning } from '../../support/is-running.ts';

/** Ends some time after it is told to, as a worker that drains. */
const SLOW = [
  process.execPath,
  '-e',
  'console.log("up"); process.on("SIGTERM", () => setTimeout(() => process.exit(), 300)); setInterval(() => {}, 1000)',
];
const key = { name: 'orders-worker', namespace: 'shop' };

let cluster: MemoryCluster;
let pods: ProcessPods;
const stop = { controller: new AbortController(), ended: Promise.resolve() };
beforeEach(() => {
  cluster = new MemoryCluster({ clock: systemClock, random: systemRandom });
  let up = 0;
  pods = new ProcessPods({
    cluster,
    clock: systemClock,
    random: systemRandom,
    command: SLOW,
    onLine: () => (up += 1),
  });
  stop.controller = new AbortController();
  stop.ended = pods.run(stop.controller.signal);
  const containers = [{ name: 'worker', env: [{ name: 'KCG_WORKER_CONFIG', value: '{}' }] }];
  cluster.create(KINDS.deployment, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: key,
    spec: { replicas: 2, template: { spec: { containers } } },
  });
  return vi.waitFor(() => expect(up).toBe(2), 120_000);
});
afterEach(async () => {
  stop.controller.abort();
  await stop.ended;
});

describe('pods of local mode', () => {
  it('end with their Deployment, and are there until their process has ended', async () => {
    const pids = pods.list().map(({ pid }) => pid!);
    cluster.remove(KINDS.deployment, key);
    const marked = await cluster.list(KINDS.pod);
    expect(marked.map(({ metadata }) => metadata.deletionTimestamp !== undefined)).toEqual([true, true]);
    await vi.waitFor(async () => expect(await cluster.list(KINDS.pod)).toEqual([]), 120_000);
    expect(pids.filter(isRunning)).toEqual([]);
    expect(pods.list()).toEqual([]);
  });

  it('are replaced when one of them is deleted', async () => {
    const [first] = pods.list();
    const { pid } = first!;
    cluster.remove(KINDS.pod, { name: first!.options.name, namespace: 'shop' });
    await vi.waitFor(async () => {
      const names = (await cluster.list(KINDS.pod)).map(({ metadata }) => metadata.name);
      expect(names).toHaveLength(2);
      expect(names).not.toContain(first!.options.name);
    }, 120_000);
    expect(isRunning(pid!)).toBe(false);
  });
});
