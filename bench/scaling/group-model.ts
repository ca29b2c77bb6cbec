import type { LagShard } from '../../src/operator/plan/scaling/lag-samples.ts';

/*
 * A group on a virtual clock, as far as scaling can tell: shards with queues, workers that share what they can do among their
 * shards, pods that take a while to come, a reshard whose children wait for their parents.
 */

export const STEP_S = 5;
/** Records per second that one worker can do, and that one shard can be given: its batches come one after another. */
export const WORKER_RATE = 1_000;
export const SHARD_RATE = 700;
/** From asked for to reading, s. */
const POD_START_S = 30;
/** From its start until it has shards of others, s. */
const HANDOVER_S = 10;
/** How long the load of a shard is averaged, s: as `LoadMeter` does. */
const LOAD_TAU_S = 60;

interface ModelShard {
  id: string;
  parent: ModelShard | undefined;
  isClosed: boolean;
  /** Of what comes in. */
  share: number;
  /** Not processed yet: when it came in, s, and how much. */
  queue: { atS: number; records: number }[];
  load: number;
  processed: number;
}

export class GroupModel {
  #shards: ModelShard[];
  /** Of each pod that was asked for, when it reads, s. */
  readonly #pods: number[] = [];
  #atS = 0;
  #busy = 0;

  constructor(shards: number) {
    this.#shards = Array.from({ length: shards }, (_, index) => newShard(`${index}`, 1 / shards));
  }

  get workers(): number {
    return this.#pods.filter((readyS) => readyS <= this.#atS).length;
  }

  /** Of those, that have got their part of the shards. */
  get #dealtTo(): number {
    const settled = this.#pods.filter((readyS) => readyS + HANDOVER_S <= this.#atS).length;
    return Math.min(this.workers, Math.max(1, settled));
  }

  get asked(): number {
    return this.#pods.length;
  }

  get resharding(): boolean {
    return this.#shards.some((shard) => isWaiting(shard));
  }

  /** Shards that can be consumed at the same time, now or when the parents are done. */
  get parallel(): number {
    return Math.max(1, this.#shards.filter(({ isClosed }) => !isClosed).length);
  }

  /** Of all that the workers could do in the last step, the share that they did. */
  get utilisation(): number {
    return this.workers === 0 ? 0 : this.#busy / (this.workers * WORKER_RATE * STEP_S);
  }

  scaleTo(pods: number): void {
    while (this.#pods.length < pods) this.#pods.push(this.#atS + POD_START_S);
    this.#pods.length = pods;
  }

  /** One shard gets this share of what comes in; 0 = as the others. */
  setHot(share: number): void {
    const open = this.#shards.filter(({ isClosed }) => !isClosed);
    for (const shard of open) shard.share = (1 - share) / open.length;
    open[0]!.share += share;
  }

  splitAll(): void {
    const open = this.#shards.filter(({ isClosed }) => !isClosed);
    for (const parent of open) {
      parent.isClosed = true;
      for (const half of ['a', 'b']) this.#shards.push(newShard(parent.id + half, parent.share / 2, parent));
    }
  }

  /** Lets one step pass in which so many records per second come in. */
  step(ratePerSecond: number): void {
    for (const shard of this.#shards)
      if (!shard.isClosed)
        shard.queue.push({ atS: this.#atS, records: ratePerSecond * shard.share * STEP_S });
    this.#busy = 0;
    for (const shards of this.#dealt().values()) this.#work(shards);
    this.#atS += STEP_S;
    const weight = 1 - Math.exp(-STEP_S / LOAD_TAU_S);
    for (const shard of this.#shards) shard.load += (shard.processed / STEP_S - shard.load) * weight;
    this.#shards = this.#shards.filter((shard) => !(shard.isClosed && shard.queue.length === 0));
  }

  /** A worker gives each of its shards the same, and what one does not need to the others. */
  #work(shards: ModelShard[]): void {
    let budget = WORKER_RATE * STEP_S;
    for (const shard of shards) shard.processed = 0;
    let hungry = shards;
    while (budget > 1e-6 && hungry.length > 0) {
      const each = budget / hungry.length;
      for (const shard of hungry)
        budget -= take(shard, Math.min(each, SHARD_RATE * STEP_S - shard.processed));
      hungry = hungry.filter(
        (shard) => shard.queue.length > 0 && shard.processed < SHARD_RATE * STEP_S - 1e-6,
      );
    }
    this.#busy += WORKER_RATE * STEP_S - budget;
  }

  #readable(): ModelShard[] {
    return this.#shards.filter((shard) => !isWaiting(shard));
  }

  /** By worker. */
  #dealt(): Map<number, ModelShard[]> {
    const dealt = new Map<number, ModelShard[]>();
    const workers = this.#dealtTo;
    if (workers === 0) return dealt;
    for (const [index, shard] of this.#readable().entries())
      dealt.set(index % workers, [...(dealt.get(index % workers) ?? []), shard]);
    return dealt;
  }

  /** What the rows tell. */
  look(): LagShard[] {
    const workers = this.#dealtTo;
    return this.#readable().map((shard, index) => ({
      shardId: shard.id,
      worker: workers === 0 ? undefined : `worker-${index % workers}`,
      lagMs: lagOf(shard, this.#atS) * 1000,
      load: shard.load,
      position: `${this.#atS}`,
      isStuck: false,
    }));
  }

  get lagS(): number {
    return Math.max(0, ...this.#readable().map((shard) => lagOf(shard, this.#atS)));
  }
}

function newShard(id: string, share: number, parent?: ModelShard): ModelShard {
  return { id, parent, isClosed: false, share, queue: [], load: 0, processed: 0 };
}

function isWaiting({ parent }: ModelShard): boolean {
  return parent !== undefined && parent.queue.length > 0;
}

function lagOf({ queue }: ModelShard, atS: number): number {
  const [oldest] = queue;
  return oldest ? Math.max(0, atS - oldest.atS - STEP_S) : 0;
}

function take(shard: ModelShard, most: number): number {
  let taken = 0;
  while (shard.queue.length > 0 && taken < most - 1e-6) {
    const [oldest] = shard.queue;
    const part = Math.min(oldest!.records, most - taken);
    oldest!.records -= part;
    taken += part;
    if (oldest!.records <= 1e-6) shard.queue.shift();
  }
  shard.processed += taken;
  return taken;
}
