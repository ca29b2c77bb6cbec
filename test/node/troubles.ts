import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { appPod, isReady, until, type NodeHarness, type Pod } from './harness.ts';

/*
 * What happens to pods and nodes, done for real, and what a group's readers feel of it. The group: `PODS` shards, a pod each, on two
 * nodes.
 */

export const PODS = 4;

export interface Figure {
  /** Until the last of the shards concerned is read again, s. */
  seconds: number;
  /** Longest silence of one of them, s. */
  silence: number;
  /** Records processed twice. */
  twice: number;
}

export const group = (collectorUrl: string) => `
apiVersion: kcg.dev/v1alpha1
kind: KinesisConsumerGroup
metadata: {name: orders}
spec:
  stream: {name: orders}
  region: eu-west-1
  consumer: {type: Polling, pollIntervalMillis: 200}
  handler: {http: {container: app, port: 8080}}
  template:
${appPod(collectorUrl)}`;

/** The troubles of a group that runs on `kcg`, each once. */
export class Troubles {
  readonly #kcg: NodeHarness;

  constructor(kcg: NodeHarness) {
    this.#kcg = kcg;
  }

  /** Every pod is ready and has a shard of its own; where `both`, on both nodes. */
  async calm({ both = false } = {}): Promise<Pod[]> {
    const kcg = this.#kcg;
    let ready: Pod[] = [];
    // By the rows: the status is seconds late, and may name pods that have just been deleted.
    await until(
      'each pod owns a shard',
      async () => {
        ready = (await kcg.pods('orders')).filter(isReady);
        if (ready.length !== PODS) return false; // nor is there a table, perhaps
        const owners = new Set((await this.#leases()).map(({ owner }) => owner));
        return ready.every(({ metadata }) => owners.has(metadata.name));
      },
      () => kcg.status('orders'),
    );
    const readers = new Set(ready.map(({ metadata }) => metadata.name));
    const since = clock.monotonic();
    await until('each shard is read by a pod of its own', () => {
      const latest = kcg.tally.shards().map((id) => kcg.tally.latest(id));
      const isRead = latest.every((last) => last && readers.has(last.pod) && last.atMs > since);
      return isRead && new Set(latest.map((last) => last?.pod)).size === PODS;
    });
    if (!both || new Set(ready.map(({ spec }) => spec.nodeName)).size === 2) return ready;
    // The scheduler spreads them when they are made.
    for (const { metadata } of ready.slice(0, PODS / 2)) await kcg.kubectl('delete', 'pod', metadata.name);
    return this.calm({ both });
  }

  async killed(): Promise<Figure> {
    const [pod] = await this.calm();
    const figure = await this.#measured([pod!], async () => process.kill(await this.#pidOf(pod!), 'SIGKILL'));
    // A new pod: the kubelet would start the same container ever more slowly.
    await this.#kcg.kubectl('delete', 'pod', pod!.metadata.name);
    return figure;
  }

  /** The kernel ends the worker for want of memory. */
  async outOfMemory(): Promise<Figure> {
    const [pod] = await this.calm();
    const { name } = pod!.metadata;
    const pid = await this.#pidOf(pod!);
    const figure = await this.#measured([pod!], () => starve(pid));
    const reasonOf = (each: Pod) =>
      each.status.containerStatuses?.map(({ lastState }) => lastState?.terminated?.reason);
    await until('the kubelet says so', async () =>
      (await this.#kcg.pods('orders')).some((each) => reasonOf(each)?.includes('OOMKilled')),
    );
    await this.#kcg.kubectl('delete', 'pod', name);
    return figure;
  }

  /** As by the Eviction API. */
  async evicted(): Promise<Figure> {
    const [pod] = await this.calm();
    const { name } = pod!.metadata;
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: 'shop' } };
    return this.#measured([pod!], () =>
      this.#kcg.create(`/api/v1/namespaces/shop/pods/${name}/eviction`, JSON.stringify(eviction)),
    );
  }

  async forceDeleted(): Promise<Figure> {
    const [pod] = await this.calm();
    return this.#measured([pod!], () =>
      this.#kcg.kubectl('delete', 'pod', pod!.metadata.name, '--force', '--grace-period=0'),
    );
  }

  /** `kubectl drain` of the second node, to its end. */
  async drained(): Promise<Figure> {
    const there = onSecond(await this.calm({ both: true }));
    const figure = await this.#measured(there, () =>
      this.#kcg.kubectl('drain', 'node2', '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=240s'),
    );
    await this.#kcg.kubectl('uncordon', 'node2');
    return figure;
  }

  /** The second node reaches nobody: not AWS, not the API server; its containers go on. */
  async partitioned(): Promise<Figure> {
    const there = onSecond(await this.calm({ both: true }));
    const kubelet = this.#kcg.secondKubelet();
    const figure = await this.#measured(there, async () => {
      process.kill(kubelet, 'SIGSTOP');
      cutOff(there.map(({ status }) => status.podIP ?? ''));
    });
    process.kill(kubelet, 'SIGCONT');
    heal();
    return figure;
  }

  /** The second node's kubelet ends: its node is not ready after 20 s, and its pods go on. */
  async withoutKubelet(): Promise<{ epochs: number } & Pick<Figure, 'twice' | 'silence'>> {
    const there = onSecond(await this.calm({ both: true }));
    const shards = this.#shardsOf(there);
    const before = await this.#epochs();
    const { duplicated } = this.#kcg.tally.result();
    this.#kcg.tally.resetGaps();
    process.kill(this.#kcg.secondKubelet(), 'SIGKILL');
    await this.#kcg.kubectl('wait', '--for=condition=Ready=Unknown', 'node/node2', '--timeout=240s');
    const since = clock.monotonic();
    await until('its shards are still read', () =>
      shards.every((id) => (this.#kcg.tally.latest(id)?.atMs ?? 0) > since),
    );
    return {
      epochs: (await this.#epochs()) - before,
      silence: this.#kcg.tally.longestGapMs(shards) / 1_000,
      twice: this.#kcg.tally.result().duplicated - duplicated,
    };
  }

  /** The second node goes without a word, as a spot machine does, and then its object. */
  async lost(): Promise<Figure> {
    // Ready or not: its kubelet may have ended before.
    const there = onSecond(await this.#kcg.pods('orders'));
    if (there.length === 0) throw new Error('no worker runs on node2');
    const figure = await this.#measured(there, () => this.#kcg.loseNode());
    await this.#kcg.kubectl('delete', 'node', 'node2');
    return figure;
  }

  /** From just before `trouble` until the shards of `pods` are read by others, or by what they start anew. */
  async #measured(pods: readonly Pod[], trouble: () => Promise<unknown>): Promise<Figure> {
    const { tally } = this.#kcg;
    const shards = this.#shardsOf(pods);
    const names = pods.map(({ metadata }) => metadata.name);
    const { duplicated } = tally.result();
    tally.resetGaps();
    const startMs = clock.monotonic();
    await trouble();
    const isMoved = (id: string) => !names.includes(tally.latest(id)?.pod ?? names[0]!);
    await until(
      'their shards are read by others',
      () => shards.every(isMoved),
      () => this.#kcg.status('orders'),
    );
    const lastMs = Math.max(...shards.map((id) => tally.latest(id)?.atMs ?? 0));
    return {
      seconds: (lastMs - startMs) / 1_000,
      silence: tally.longestGapMs(shards) / 1_000,
      twice: tally.result().duplicated - duplicated,
    };
  }

  /** @throws Error when there are none */
  #shardsOf(pods: readonly Pod[]): string[] {
    const shards = pods.flatMap(({ metadata }) => this.#kcg.tally.shardsOf(metadata.name));
    if (shards.length === 0) throw new Error('these pods read nothing');
    return shards;
  }

  #pidOf({ metadata: { name } }: Pod): Promise<number> {
    return this.#kcg.pidOf({ namespace: 'shop', name, container: 'worker' });
  }

  /** Sum of the shards' epochs: how often one has changed hands. */
  async #epochs(): Promise<number> {
    return (await this.#leases()).reduce((sum, { epoch }) => sum + epoch, 0);
  }

  async #leases(): Promise<{ owner: string | undefined; epoch: number }[]> {
    const rows = await this.#kcg.rows('kinesis-checkpoints-shop-orders');
    const shards = rows.filter(({ epoch }) => epoch !== undefined);
    return shards.map(({ ref, epoch }) => ({ owner: ref?.S?.split('/')[0], epoch: Number(epoch!.N) }));
  }
}

function onSecond(pods: readonly Pod[]): Pod[] {
  return pods.filter(({ spec }) => spec.nodeName === 'node2');
}

const CGROUPS = '/sys/fs/cgroup';

/** Gives the process's container no more memory than it has, until it wants more. */
async function starve(pid: number): Promise<void> {
  const groups = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n');
  const [, controllers = '', path = ''] =
    groups.map((line) => line.split(':')).find(([, names]) => names === 'memory' || names === '') ?? [];
  const v1 = `${CGROUPS}/memory${path}`;
  const [usage, limit] =
    controllers === 'memory'
      ? [`${v1}/memory.usage_in_bytes`, `${v1}/memory.limit_in_bytes`]
      : [`${CGROUPS}${path}/memory.current`, `${CGROUPS}${path}/memory.max`];
  while (existsSync(`/proc/${pid}/cgroup`)) {
    try {
      writeFileSync(limit, readFileSync(usage, 'utf8'));
    } catch {
      // It has taken more meanwhile, or is gone.
    }
    await setTimeout(5);
  }
}

/** Nothing comes from these addresses to this machine, where the servers are, nor goes there. */
function cutOff(addresses: readonly string[]): void {
  const set = `{ ${addresses.join(', ')} }`;
  const rules = `table ip kcgcut {
  chain from { type filter hook prerouting priority -300; ip saddr ${set} drop; }
  chain to { type filter hook output priority -300; ip daddr ${set} drop; }
}`;
  execFileSync('nft', ['-f', '-'], { input: rules });
}

/** Undoes `cutOff`, also where nothing is cut off. */
export function heal(): void {
  execFileSync('nft', ['-f', '-'], { input: 'table ip kcgcut {}\ndelete table ip kcgcut\n' });
}
