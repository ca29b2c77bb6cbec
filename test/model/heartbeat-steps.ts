import { parseRef } from '../../src/leases/lease.ts';
import { OwnLease } from '../../src/runtime/own-lease.ts';
import { lookedAround } from './observe.ts';
import { fault, flightSteps, good, send, type Slot, type Step } from './step.ts';
import {
  clockAt,
  endedProcess,
  leaseIsGood,
  refOf,
  withProcess,
  workerName,
  type Flight,
  type Model,
  type Process,
  type World,
} from './world.ts';

/** A worker's process and its own row: what `Worker.run`, `Incarnation.run` and `Heartbeat` do. */
export function* heartbeatSteps(model: Model, world: World, worker: number): Generator<Step> {
  const process = world.processes[worker]!;
  const who = workerName(worker);
  if (process.life !== 'up') {
    yield startStep(model, world, worker);
    return;
  }
  if (model.may.has('crash')) {
    for (const [under, next] of endings(model, world, worker, 'ended')) {
      yield fault(`${who} crashes${under}`, next);
    }
  }
  if (process.heartbeat) yield* flightSteps(model, world, heartbeatSlot(model, world, worker));
  if (!process.announced) {
    if (!process.heartbeat) yield good(`${who} announces itself again`, announce(model, world, worker));
    return;
  }
  if (!leaseIsGood(model, world, worker)) {
    // Without the rule, what runs goes on until the table says that the worker is dead.
    if (!model.protocol.rules.fencesItself && !process.lost) return;
    for (const [under, next] of endings(model, world, worker, 'fenced')) {
      yield under === '' ? good(`${who} fences itself`, next) : fault(`${who} fences itself${under}`, next);
    }
    return;
  }
  const mayBeat = world.clocks[worker] !== process.renewedAt || process.state === 'starting';
  if (!process.heartbeat && mayBeat) yield good(`${who} beats`, beat(model, world, worker));
  if (model.may.has('stop')) yield* stopSteps(model, world, worker);
}

function startStep(model: Model, world: World, worker: number): Step {
  const process = world.processes[worker]!;
  const isNew = model.protocol.rules.newIncarnation || process.incarnation === '';
  const lives = world.lives + (isNew ? 1 : 0);
  const incarnation = isNew ? String(lives) : process.incarnation;
  const fresh: Process = { ...endedProcess(model), life: 'up', incarnation, beats: 1 };
  const next = announce(model, withProcess({ ...world, lives }, worker, fresh), worker);
  const name = `${workerName(worker)} starts as incarnation ${incarnation}`;
  // Survivors do not count on the return of a process that has ended.
  const isGood = process.life === 'fenced' || world.processes.every(({ life }) => life === 'ended');
  return isGood ? good(name, next) : fault(name, next);
}

function announce(model: Model, world: World, worker: number): World {
  const me = {
    ...parseRef(refOf(world, worker)),
    state: 'starting' as const,
    revision: 0,
    address: '',
    podUid: '',
    node: '',
    startedAt: 0,
    maxLeases: 0,
  };
  const write = model.protocol.writes.announce(me, 0);
  return withProcess(world, worker, { heartbeat: send(world, worker, write) });
}

function beat(model: Model, world: World, worker: number): World {
  const process = world.processes[worker]!;
  const state = process.state === 'starting' ? 'live' : process.state;
  const beats = process.beats + 1;
  const me = parseRef(refOf(world, worker));
  const write = model.protocol.writes.beat(me, { beat: beats, state, held: 0, lagging: {} }, 0);
  return withProcess(world, worker, { heartbeat: send(world, worker, write), beats, state });
}

function heartbeatSlot(model: Model, world: World, worker: number): Slot {
  const flight = world.processes[worker]!.heartbeat!;
  const { name } = flight.write;
  const ended = (next: World) => {
    const { incarnation } = next.processes[worker]!;
    return withProcess(next, worker, { ...endedProcess(model), incarnation });
  };
  return {
    who: workerName(worker),
    flight,
    put: (next, answering) => withProcess(next, worker, { heartbeat: answering }),
    answered: (next, { outcome }) => {
      if (name === 'remove worker') return ended(next);
      const change =
        name === 'beat' && outcome === 'lost' ? { lost: true } : renewal(model, next, worker, flight);
      const renewed = withProcess(next, worker, { ...change, heartbeat: undefined });
      const begins = model.observesAtOnce && name === 'announce';
      return begins ? lookedAround(model, renewed, worker) : renewed;
    },
    unanswered: (next) => {
      return name === 'remove worker' ? ended(next) : withProcess(next, worker, { heartbeat: undefined });
    },
  };
}

/** The product's own arithmetic says which of two beats the lease hangs on. */
function renewal(model: Model, world: World, worker: number, flight: Flight): Partial<Process> {
  const { announced, renewedAt } = world.processes[worker]!;
  const sentAt = model.protocol.rules.countsFromSending ? flight.sentAt : world.clocks[worker]!;
  if (!announced) return { announced: true, renewedAt: sentAt };
  const lease = new OwnLease(clockAt(0), model.leaseDurationMs);
  lease.renewed(renewedAt);
  const before = lease.goodForMs();
  lease.renewed(sentAt);
  return lease.goodForMs() > before ? { renewedAt: sentAt } : {};
}

/** The process ends; what it has sent may take effect or not. With a remark on what is still under way. */
export function* endings(
  model: Model,
  world: World,
  worker: number,
  life: 'ended' | 'fenced',
): Generator<[under: string, next: World]> {
  const process = world.processes[worker]!;
  const next = withProcess(world, worker, { ...endedProcess(model), life, incarnation: process.incarnation });
  for (const under of subsets(flightsOf(process), model.maxLate - world.late.length)) {
    const remark =
      under.length === 0 ? '' : `, still under way: ${under.map(({ write }) => write.name).join(', ')}`;
    yield [remark, under.length === 0 ? next : { ...next, late: [...next.late, ...under] }];
  }
}

function flightsOf({ heartbeat, fence, work }: Process): Flight[] {
  const ofShards = work.map((each) => ('flight' in each ? each.flight : undefined));
  return [heartbeat, fence, ...ofShards].filter(
    (flight) => flight !== undefined && flight.answer === undefined,
  ) as Flight[];
}

function subsets<T>(items: readonly T[], most: number): T[][] {
  return items.reduce<T[][]>(
    (all, item) => [...all, ...all.filter((set) => set.length < most).map((set) => [...set, item])],
    [[]],
  );
}

/** SIGTERM: tell everybody, hand over everything, remove the row, exit. */
function* stopSteps(model: Model, world: World, worker: number): Generator<Step> {
  const process = world.processes[worker]!;
  const who = workerName(worker);
  if (process.state === 'live') {
    yield fault(`${who} is told to stop`, withProcess(world, worker, { state: 'draining' }));
  }
  if (process.state !== 'draining' || process.heartbeat?.write.name === 'remove worker') return;
  const { removesRowLast } = model.protocol.rules;
  if (removesRowLast && process.work.some(({ is }) => is === 'held')) return;
  const write = model.protocol.writes.remove(parseRef(refOf(world, worker)));
  const removing = { heartbeat: send(world, worker, write), fence: undefined };
  const work = process.work.map((each) => (each.is === 'held' ? each : ({ is: 'idle' } as const)));
  for (const [under, { late }] of endings(model, world, worker, 'ended')) {
    const next = withProcess({ ...world, late }, worker, { ...removing, work });
    yield under === '' ? good(`${who} removes its row`, next) : fault(`${who} removes its row${under}`, next);
  }
}
