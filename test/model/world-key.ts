import { parseRef, type Lease } from '../../src/leases/lease.ts';
import type { Row } from '../../src/leases/row.ts';
import type { RowWrite } from '../../src/leases/row-write.ts';
import {
  indexOfKey,
  isGoodAt,
  isWorkerKey,
  leaseOf,
  positionOf,
  workerOf,
  type Flight,
  type Model,
  type ShardWork,
  type Sighting,
  type World,
} from './world.ts';

const LIVES = ['ended', 'fenced', 'up'];
const WORK = ['idle', 'looking', 'taking', 'adopting', 'held'];
const TASKS = ['consume', 'give', 'release', 'end'];
const END = 255;
const ABSENT = 0;

/**
 * Two worlds with the same key have the same future, so only the first is explored. What is only ever compared is named
 * by what it is compared with: an incarnation by its place among those still mentioned, a beat and an epoch by their
 * distance from the row's, a time by its age, cut off where nothing depends on it any more. So lives, beats and owners
 * without end make a finite number of keys.
 */
export class WorldKey {
  readonly #model: Model;
  readonly #bytes = Buffer.alloc(1024);
  /** By worker: incarnations in the order in which this world mentions them. */
  readonly #incarnations: string[][];
  /** Workers that are alike may change places: all orders of them that say the same. */
  readonly #orders: readonly (readonly number[])[];
  #order: readonly number[] = [];
  #length = 0;

  constructor(model: Model) {
    this.#model = model;
    this.#incarnations = Array.from({ length: model.workers }, () => []);
    const all = orders(Array.from({ length: model.workers }, (_, worker) => worker));
    this.#orders = areAlike(model) ? all : all.slice(0, 1);
  }

  of(world: World): string {
    let least = '';
    for (const order of this.#orders) {
      this.#order = order;
      const text = this.#inOrder(world);
      if (least === '' || text < least) least = text;
    }
    return least;
  }

  #inOrder(world: World): string {
    const { late, operator, done, workerRows, shardRows, processes } = world;
    this.#length = 0;
    for (const known of this.#incarnations) known.length = 0;
    for (const worker of this.#order) {
      const { life, incarnation } = processes[worker]!;
      if (this.#isNamed(life, incarnation)) this.#incarnations[worker]!.push(incarnation);
      for (const row of workerRows[worker]!) this.#workerRow(world, worker, row);
      this.#push(END);
    }
    for (let shard = 0; shard < shardRows.length; shard += 1) {
      for (const row of shardRows[shard]!) this.#shardRow(world, shard, row);
      this.#push(END);
      this.#push(done[shard]!);
    }
    for (const worker of this.#order) this.#process(world, worker);
    this.#flight(world, operator, undefined);
    const head = this.#text(0);
    if (late.length === 0) return head;
    // In any order: they are a set.
    const others = late.map((flight) => {
      const from = this.#length;
      this.#flight(world, flight, undefined);
      return this.#text(from);
    });
    return head + others.sort().join('');
  }

  /** The last life of an ended process is like any other that is over, unless a mutation lets it begin again. */
  #isNamed(life: string, incarnation: string): boolean {
    return incarnation !== '' && (life === 'up' || !this.#model.protocol.rules.newIncarnation);
  }

  #text(from: number): string {
    return this.#bytes.toString('latin1', from, this.#length);
  }

  #push(value: number): void {
    this.#bytes[this.#length] = value;
    this.#length += 1;
  }

  #workerRow(world: World, worker: number, row: Row | undefined): void {
    if (!row) return this.#push(ABSENT);
    const { incarnation, beat, state } = workerOf(row);
    this.#incarnation(worker, incarnation);
    this.#beat(world, worker, incarnation, beat);
    this.#push(literal(state));
  }

  #shardRow(world: World, shard: number, row: Row | undefined): void {
    if (!row) return this.#push(ABSENT);
    this.#lease(world, shard, leaseOf(row));
  }

  #lease(world: World, shard: number, lease: Lease): void {
    this.#ref(lease.owner);
    this.#epoch(world, shard, lease.epoch);
    this.#position(positionOf(lease));
  }

  #process(world: World, worker: number): void {
    const process = world.processes[worker]!;
    this.#push(LIVES.indexOf(process.life));
    if (process.life !== 'up') return;
    const { state, announced, lost, sightings, work } = process;
    this.#incarnation(worker, process.incarnation);
    this.#push(literal(state));
    this.#push(announced ? (lost ? 2 : 1) : 0);
    if (announced && !lost) this.#leaseAge(world, worker, process.renewedAt);
    if (announced) this.#beat(world, worker, process.incarnation, process.stored);
    if (this.#model.exactBeats) this.#push(process.beats);
    else this.#push(process.stored === process.beats ? 1 : 0);
    this.#flight(world, process.heartbeat, worker);
    this.#flight(world, process.fence, undefined);
    if (this.#model.may.has('fence') && this.#model.watchers.includes(worker)) {
      for (const other of this.#order) {
        const sighting = sightings[other];
        if (!sighting || isOver(world, other, sighting)) this.#push(ABSENT);
        else {
          this.#incarnation(other, sighting.incarnation);
          this.#beat(world, other, sighting.incarnation, sighting.beat);
          this.#age(world, worker, sighting.since);
        }
      }
    }
    for (let shard = 0; shard < work.length; shard += 1) this.#work(world, shard, work[shard]!);
  }

  #work(world: World, shard: number, work: ShardWork): void {
    this.#push(WORK.indexOf(work.is));
    if (work.is === 'looking' || work.is === 'taking') this.#seen(world, shard, work.seen);
    else if (work.is === 'adopting') this.#lease(world, shard, work.lease);
    else if (work.is === 'held') {
      this.#epoch(world, shard, work.epoch);
      this.#push(work.at);
      this.#push(work.written);
      this.#push(TASKS.indexOf(work.task));
      this.#push(work.detail);
      this.#ref(work.to === '' ? undefined : work.to);
    }
    if ('flight' in work) this.#flight(world, work.flight, undefined);
  }

  /** Where a take starts from comes with its answer, unless a mutation makes it start from what was seen. */
  #seen(world: World, shard: number, seen: Lease): void {
    this.#ref(seen.owner);
    this.#epoch(world, shard, seen.epoch);
    if (!this.#model.protocol.rules.startsFromReturnedRow) this.#position(positionOf(seen));
  }

  /** `sender`: where it counts when the write was sent. */
  #flight(world: World, flight: Flight | undefined, sender: number | undefined): void {
    if (!flight) return this.#push(ABSENT);
    const { write, sentAt, answer } = flight;
    this.#push(literal(write.name));
    this.#push(isWorkerKey(write.key) ? this.#order.indexOf(indexOfKey(write.key)) : literal(write.key));
    if (sender !== undefined) this.#leaseAge(world, sender, sentAt);
    if (answer) {
      this.#push(literal(answer.outcome));
      if (!isWorkerKey(write.key)) this.#shardRow(world, indexOfKey(write.key), answer.row);
    } else {
      for (const part of partsOf(write)) this.#part(world, part);
    }
    this.#push(END);
  }

  #part(world: World, part: Part): void {
    switch (part.is) {
      case 'ref':
        return this.#ref(part.value);
      case 'epoch':
        return this.#epoch(world, part.index, part.value);
      case 'incarnation':
        return this.#incarnation(part.index, part.value);
      case 'beat':
        return this.#beat(world, part.index, part.incarnation, part.value);
      case 'literal':
        return this.#push(part.value);
    }
  }

  #ref(ref: string | undefined): void {
    if (ref === undefined) return this.#push(ABSENT);
    const { index, incarnation } = partsOfRef(ref);
    this.#push(1 + this.#order.indexOf(index));
    this.#incarnation(index, incarnation);
  }

  #incarnation(worker: number, incarnation: string): void {
    const known = this.#incarnations[worker]!;
    const place = known.indexOf(incarnation);
    this.#push(1 + (place >= 0 ? place : known.push(incarnation) - 1));
  }

  /** All beats that no version of the row shows any more are alike; few are ahead of it at a time. */
  #beat(world: World, worker: number, incarnation: string, beat: number): void {
    if (this.#model.exactBeats) return this.#push(beat);
    const row = world.workerRows[worker]![0];
    const base = row && workerOf(row);
    this.#push(
      base?.incarnation === incarnation
        ? distance(beat, base.beat, 1 + this.#model.staleness.workers)
        : 100 + Math.min(beat, 9),
    );
  }

  #epoch(world: World, shard: number, epoch: number): void {
    const row = world.shardRows[shard]![0];
    this.#push(row ? distance(epoch, leaseOf(row).epoch, 2 + this.#model.staleness.shards) : ABSENT);
  }

  #position(position: number): void {
    this.#push(position === Infinity ? END : position);
  }

  /** Of what a lease is counted from: it matters only as long as the lease is good. */
  #leaseAge(world: World, worker: number, since: number): void {
    const age = world.clocks[worker]! - since;
    this.#push(isGoodAt(this.#model, age) ? age : END);
  }

  #age(world: World, worker: number, since: number): void {
    this.#push(Math.min(world.clocks[worker]! - since, this.#model.leaseDurationMs));
  }
}

/** The row has moved on or is dead, so this sighting can lead to nothing but a new one. */
function isOver(world: World, worker: number, { incarnation, beat }: Sighting): boolean {
  return world.workerRows[worker]!.every((row) => {
    if (!row) return true;
    const shown = workerOf(row);
    return shown.incarnation !== incarnation || shown.state === 'dead' || shown.beat > beat;
  });
}

/** Names decide nothing here, except in a plan; clocks that stand still are alike, and so are those that count alike. */
function areAlike({ reduces, planned, may, speeds, watchers, workers }: Model): boolean {
  const sameClocks = !may.has('time') || speeds.every((speed) => String(speed) === String(speeds[0]));
  return reduces && !planned && sameClocks && (!may.has('fence') || watchers.length >= workers);
}

function orders(items: readonly number[]): number[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((first) =>
    orders(items.filter((item) => item !== first)).map((rest) => [first, ...rest]),
  );
}

function distance(value: number, base: number, most: number): number {
  return 50 + Math.max(-most, Math.min(4, value - base));
}

type Part =
  | { is: 'literal'; value: number }
  | { is: 'ref'; value: string }
  | { is: 'epoch'; index: number; value: number }
  | { is: 'incarnation'; index: number; value: string }
  | { is: 'beat'; index: number; incarnation: string; value: number };

const parts = new WeakMap<RowWrite, Part[]>();

/** What of a write matters for the future: all its conditions, and what it sets of what the protocol compares. */
function partsOf(write: RowWrite): Part[] {
  let found = parts.get(write);
  if (!found) parts.set(write, (found = findParts(write)));
  return found;
}

function findParts({ key, when, set = {}, add = {} }: RowWrite): Part[] {
  const index = indexOfKey(key);
  const asked = when.find(({ attribute }) => attribute === 'incarnation');
  const incarnation = asked && 'value' in asked ? String(asked.value) : '';
  const partOf = (attribute: string, value: unknown): Part => {
    if (attribute === 'ref') return { is: 'ref', value: String(value) };
    if (attribute === 'epoch') return { is: 'epoch', index, value: Number(value) };
    if (attribute === 'incarnation') return { is: 'incarnation', index, value: String(value) };
    if (attribute === 'beat') return { is: 'beat', index, incarnation, value: Number(value) };
    return { is: 'literal', value: literal(String(value)) };
  };
  const compared = ['ref', 'epoch', 'incarnation', 'beat', 'state', 'sequence'];
  return [
    ...when.flatMap((each): Part[] => [
      { is: 'literal', value: literal(`${each.attribute} ${each.is}`) },
      ...('value' in each ? [partOf(each.attribute, each.value)] : []),
    ]),
    ...compared.filter((name) => set[name] !== undefined).map((name) => partOf(name, set[name])),
    ...Object.keys(add).map((name): Part => ({ is: 'literal', value: literal(`add ${name}`) })),
  ];
}

const refs = new Map<string, { index: number; incarnation: string }>();

function partsOfRef(ref: string): { index: number; incarnation: string } {
  let found = refs.get(ref);
  if (!found) {
    const { worker, incarnation } = parseRef(ref);
    refs.set(ref, (found = { index: indexOfKey(worker), incarnation }));
  }
  return found;
}

const literals = new Map<string, number>();

function literal(text: string): number {
  let id = literals.get(text);
  if (id === undefined) literals.set(text, (id = 120 + literals.size));
  return id;
}
