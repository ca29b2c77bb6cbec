import { formatRef, isEnded, parseRef, type Lease } from '../../src/leases/lease.ts';
import { observe } from './observe.ts';
import { isPlanned } from './plan.ts';
import { fault, flightSteps, good, send, type Step } from './step.ts';
import {
  hasEnded,
  IDLE,
  indexOfKey,
  isDead,
  leaseIsGood,
  leaseOf,
  NOW_MS,
  parentsOf,
  patch,
  refOf,
  shardName,
  withProcess,
  withWork,
  workerName,
  workerOf,
  type Model,
  type World,
} from './world.ts';

/** Watching others, fencing, taking and adopting: what `LeaseCoordinator` and `TakeConfirmation` do. */
export function* coordinatorSteps(model: Model, world: World, worker: number): Generator<Step> {
  const process = world.processes[worker]!;
  if (process.life !== 'up' || !process.announced) return;
  if (model.may.has('fence') && model.watchers.includes(worker)) {
    for (let other = 0; other < model.workers; other += 1) {
      if (other !== worker) yield* observeSteps(model, world, worker, other);
    }
  }
  if (process.fence) {
    yield* flightSteps(model, world, {
      who: workerName(worker),
      flight: process.fence,
      put: (next, answering) => withProcess(next, worker, { fence: answering }),
      answered: (next) => withProcess(next, worker, { fence: undefined }),
      unanswered: (next) => withProcess(next, worker, { fence: undefined }),
    });
  }
  for (let shard = 0; shard < model.shards.length; shard += 1) {
    yield* takeSteps(model, world, worker, shard);
    yield* adoptSteps(model, world, worker, shard);
  }
}

/** A read of another worker's row, of any age there is; what has lapsed by it is fenced. */
function* observeSteps(model: Model, world: World, worker: number, other: number): Generator<Step> {
  const process = world.processes[worker]!;
  for (const row of world.workerRows[other]!) {
    const seen = row && workerOf(row);
    const { sighting, lapsed } = observe(model, process.sightings[other], seen, world.clocks[worker]!);
    const sightings = patch(process.sightings, other, sighting);
    const who = workerName(worker);
    const next = withProcess(world, worker, { sightings });
    if (!model.observesAtOnce && sighting !== process.sightings[other]) {
      yield good(
        `${who} sees ${seen ? `beat ${seen.beat} of ${formatRef(seen)}` : `no ${workerName(other)}`}`,
        next,
      );
    }
    if (!lapsed || !seen || process.fence) continue;
    const fence = send(world, worker, model.protocol.writes.fence(seen));
    yield good(`${who} fences ${formatRef(seen)} at beat ${seen.beat}`, withProcess(next, worker, { fence }));
  }
}

const readsMayBeStale = ({ staleness }: Model) => staleness.workers + staleness.shards > 0;

/** A planned receiver takes what nobody owns: look, confirm, write, start. */
function* takeSteps(model: Model, world: World, worker: number, shard: number): Generator<Step> {
  const work = world.processes[worker]!.work[shard]!;
  const who = workerName(worker);
  const what = shardName(shard);
  const mayLook = work.is === 'idle' && isReceiver(model, world, worker);
  if (mayLook && isPlanned(model, world, worker, shard, 'take')) {
    for (const row of world.shardRows[shard]!) {
      if (row === undefined) continue;
      const seen = leaseOf(row);
      if (!seemsFree(model, world, worker, shard, seen)) continue;
      const state = seen.owner === undefined ? 'free' : `of ${seen.owner}, which seems dead`;
      if (readsMayBeStale(model)) {
        const next = withWork(world, worker, shard, { is: 'looking', seen });
        yield good(`${who} sees ${what} ${state}`, next);
      } else if (isConfirmed(model, world, shard, seen)) {
        // Looking earlier than confirming changes nothing: if the row moves in between, the write fails.
        yield good(`${who} sees ${what} ${state}, and takes it`, take(model, world, worker, shard, seen));
      }
    }
  }
  if (work.is === 'looking') {
    if (!isConfirmed(model, world, shard, work.seen) || !leaseIsGood(model, world, worker)) {
      yield good(`${who} leaves ${what} alone`, withWork(world, worker, shard, IDLE));
      return;
    }
    yield good(`${who} confirms that and takes ${what}`, take(model, world, worker, shard, work.seen));
  }
  if (work.is === 'taking') {
    yield* flightSteps(model, world, {
      who,
      flight: work.flight,
      put: (next, flight) => withWork(next, worker, shard, { ...work, flight }),
      answered: (next, { outcome, row }) => {
        const lease = row && leaseOf(row);
        if (outcome === 'lost' || !lease) return withWork(next, worker, shard, IDLE);
        const { startsFromReturnedRow } = model.protocol.rules;
        const from = startsFromReturnedRow ? lease : { ...work.seen, owner: lease.owner, epoch: lease.epoch };
        return start(model, next, worker, shard, from);
      },
      unanswered: (next) => withWork(next, worker, shard, IDLE),
    });
  }
}

function take(model: Model, world: World, worker: number, shard: number, seen: Lease): World {
  const write = model.protocol.writes.take(seen, parseRef(refOf(world, worker)), NOW_MS);
  return withWork(world, worker, shard, { is: 'taking', seen, flight: send(world, worker, write) });
}

/** A row that names this worker though it does not run it: given by its owner, or an answer got lost. */
function* adoptSteps(model: Model, world: World, worker: number, shard: number): Generator<Step> {
  const { rules } = model.protocol;
  const process = world.processes[worker]!;
  const work = process.work[shard]!;
  const me = refOf(world, worker);
  const isMine = (lease: Lease) => lease.owner === me && !isEnded(lease);
  if (work.is === 'adopting') {
    yield good(
      `${workerName(worker)} adopts ${shardName(shard)}`,
      start(model, world, worker, shard, work.lease),
    );
  }
  if (
    work.is !== 'idle' ||
    !rules.adopts ||
    process.state === 'draining' ||
    !leaseIsGood(model, world, worker)
  )
    return;
  const versions = rules.confirmsAdoption ? world.shardRows[shard]!.slice(0, 1) : world.shardRows[shard]!;
  for (const row of versions) {
    if (row === undefined || !isMine(leaseOf(row))) continue;
    const lease = leaseOf(row);
    const name = `${workerName(worker)} reads that ${shardName(shard)} is its own`;
    if (model.split.has('adopt')) yield good(name, withWork(world, worker, shard, { is: 'adopting', lease }));
    else yield good(`${name} and adopts it`, start(model, world, worker, shard, lease));
  }
}

function start(model: Model, world: World, worker: number, shard: number, lease: Lease): World {
  const { rules } = model.protocol;
  const mayStart = world.processes[worker]!.state === 'live' && leaseIsGood(model, world, worker);
  if (isEnded(lease) || (rules.asksLeaseBeforeStart && !mayStart))
    return withWork(world, worker, shard, IDLE);
  const at = lease.checkpoint.at === 'SEQUENCE' ? Number(lease.checkpoint.sequence) : 0;
  const held = { is: 'held', task: 'consume', detail: 0, to: '', flight: undefined } as const;
  return withWork(world, worker, shard, { ...held, epoch: lease.epoch, at, written: at });
}

/** `planLeases` gives shards only to workers whose row says that they are live. */
export function isReceiver(model: Model, world: World, worker: number): boolean {
  const me = refOf(world, worker);
  return (
    world.processes[worker]!.state === 'live' &&
    leaseIsGood(model, world, worker) &&
    world.workerRows[worker]!.some(
      (row) => row && workerOf(row).state === 'live' && formatRef(workerOf(row)) === me,
    )
  );
}

/** As eventually consistent reads show it: no owner that lives, and no parent that has not ended. */
function seemsFree(model: Model, world: World, worker: number, shard: number, seen: Lease): boolean {
  if (isEnded(seen) || seen.owner === refOf(world, worker)) return false;
  const rows = seen.owner === undefined ? undefined : world.workerRows[ownerIndex(seen.owner)]!;
  if (rows && !rows.some((row) => isDead(seen.owner!, row))) return false;
  return parentsOf(model, shard).every((parent) =>
    world.shardRows[parent]!.some((row) => row === undefined || hasEnded(row)),
  );
}

/** Strong reads, as in `TakeConfirmation.mayTake`. A parent whose row is missing is still in the stream. */
function isConfirmed(model: Model, world: World, shard: number, seen: Lease): boolean {
  const { rules } = model.protocol;
  const dead = seen.owner === undefined || isDead(seen.owner, world.workerRows[ownerIndex(seen.owner)]![0]);
  const ended = parentsOf(model, shard).every((parent) => hasEnded(world.shardRows[parent]![0]));
  return (dead || !rules.confirmsDeath) && (ended || !rules.confirmsParents);
}

const ownerIndex = (ref: string) => indexOfKey(parseRef(ref).worker);

/** The operator fences workers whose process has ended, and moves checkpoints of shards nobody owns. */
export function* operatorSteps(model: Model, world: World): Generator<Step> {
  if (world.operator) {
    const done = (next: World) => ({ ...next, operator: undefined });
    yield* flightSteps(model, world, {
      who: 'operator',
      flight: world.operator,
      put: (next, operator) => ({ ...next, operator }),
      answered: done,
      unanswered: done,
    });
    return;
  }
  if (model.may.has('operator')) {
    for (const [worker, [row]] of world.workerRows.entries()) {
      const seen = row && workerOf(row);
      if (!seen || seen.state === 'dead') continue;
      const { life, incarnation } = world.processes[worker]!;
      const hasEnded = life !== 'up' || incarnation !== seen.incarnation;
      if (!hasEnded && model.protocol.rules.operatorKnowsOfEnd) continue;
      const operator = send(world, -1, model.protocol.writes.fence(seen));
      const name = `the operator fences ${formatRef(seen)}`;
      yield hasEnded
        ? good(`${name}, which has ended`, { ...world, operator })
        : fault(name, { ...world, operator });
    }
  }
  if (model.may.has('reset')) {
    for (const [shard, [row]] of world.shardRows.entries()) {
      if (!row || isEnded(leaseOf(row))) continue;
      const write = model.protocol.writes.reset(leaseOf(row), 'TRIM_HORIZON');
      yield fault(`the operator resets ${shardName(shard)}`, { ...world, operator: send(world, -1, write) });
    }
  }
}
