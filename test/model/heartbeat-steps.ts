import { parseRef } from '../../src/leases/lease.ts';
import type { WriteResult } from '../../src/leases/row-write.ts';
import { OwnLease } from '../../src/runtime/leasing/own-lease.ts';
import { lookedAround } from './observe.ts';
import { fault, flightSteps, good, send, type Slot, type Step } from './step.ts';
import {
  clockAt,
  endedProcess,
  leaseIsGood,
  refOf,
  withProcess,
  workerName,
  workerOf,
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
    if (!process.heartbeat) yield good(`${who} announces itself`, announce(model, world, worker));
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
  const isUntold = process.state === 'starting' || process.stored !== process.beats;
  const mayBeat = isUntold || world.clocks[worker] !== process.renewedAt;
  if (!process.heartbeat && mayBeat) yield good(`${who} beats`, beat(model, world, worker));
  if (model.may.has('stop')) yield* stopSteps(model, world, worker);
}

function startStep(model: Model, world: World, worker: number): Step {
  const process = world.processes[worker]!;
  const isNew = model.protocol.rules.newIncarnation || process.incarnation === '';
  const lives = world.lives + (isNew ? 1 : 0);
  const incarnation = isNew ? String(lives) : process.incarnation;
  const fresh: Process = { ...endedProcess(model), life: 'up', incarnation };
  const next = withProcess({ ...world, lives }, worker, fresh);
  const name = `${workerName(worker)} starts as incarnation ${incarnation}`;
  // Survivors do not count on the return of a process that has ended.
  const isGood = process.life === 'fenced' || world.processes.every(({ life }) => life === 'ended');
  return isGood ? good(name, next) : fault(name, next);
}

/** Reads strongly what an earlier life, or an earlier attempt, has left, and puts the row on top of that. */
function announce(model: Model, world: World, worker: number): World {
  const me = parseRef(refOf(world, worker));
  const row = world.workerRows[worker]![0];
  const before = row && workerOf(row);
  if (before?.incarnation === me.incarnation && model.protocol.rules.newIncarnation) {
    if (before.state === 'dead')
      return withProcess(world, worker, { ...endedProcess(model), life: 'fenced' });
    const renewed = withProcess(world, worker, { announced: true, renewedAt: world.clocks[worker]! });
    return model.observesAtOnce ? lookedAround(model, renewed, worker) : renewed;
  }
  const identity = {
    revision: 0,
    restartedAt: 0,
    address: '',
    podUid: '',
    node: '',
    startedAt: 0,
    maxLeases: 0,
    leaseDurationMs: 0,
  };
  const announcement = { ...me, ...identity, state: 'starting' as const };
  const write = model.protocol.writes.announce(announcement, 0, before?.incarnation ?? null);
  return withProcess(world, worker, { heartbeat: send(world, worker, write) });
}

function beat(model: Model, world: World, worker: number): World {
  const process = world.processes[worker]!;
  const state = process.state === 'starting' ? 'live' : process.state;
  const next = withProcess(world, worker, { state, beats: process.beats + 1 });
  return sendBeat(model, next, worker, world.clocks[worker]!);
}

/** On top of what the row is known to show. */
function sendBeat(model: Model, world: World, worker: number, sentAt: number): World {
  const { beats, stored, state } = world.processes[worker]!;
  if (state === 'starting') throw new Error('a worker that starts goes live with its first beat');
  const beat = { beat: beats, state, held: 0, lagging: {} };
  const write = model.protocol.writes.beat(parseRef(refOf(world, worker)), beat, 0, stored);
  return withProcess(world, worker, { heartbeat: { write, sentAt, answer: undefined } });
}

function heartbeatSlot(model: Model, world: World, worker: number): Slot {
  const { heartbeat, incarnation } = world.processes[worker]!;
  const flight = heartbeat!;
  const { name } = flight.write;
  const forget = (next: World) =>
    withProcess(
      next,
      worker,
      name === 'remove worker' ? { ...endedProcess(model), incarnation } : { heartbeat: undefined },
    );
  return {
    who: workerName(worker),
    flight,
    put: (next, answering) => withProcess(next, worker, { heartbeat: answering }),
    answered: (next, result) => {
      switch (name) {
        case 'announce':
          return result.outcome === 'done' ? announced(model, forget(next), worker, flight) : forget(next);
        case 'beat':
          return beaten(model, forget(next), worker, flight, result);
        default:
          return forget(next);
      }
    },
    unanswered: forget,
  };
}

function announced(model: Model, world: World, worker: number, flight: Flight): World {
  const next = withProcess(world, worker, {
    announced: true,
    renewedAt: sendingTime(model, world, worker, flight),
  });
  return model.observesAtOnce ? lookedAround(model, next, worker) : next;
}

function beaten(
  model: Model,
  world: World,
  worker: number,
  flight: Flight,
  { outcome, row }: WriteResult,
): World {
  const { incarnation, stored, beats } = world.processes[worker]!;
  if (outcome === 'done') {
    return withProcess(world, worker, { stored: beats, ...renewal(model, world, worker, flight) });
  }
  const shown = row && workerOf(row);
  const isMine = shown?.incarnation === incarnation && shown.state !== 'dead';
  if (!isMine || shown.beat === stored) return withProcess(world, worker, { lost: true });
  // An attempt that was given up has had its effect after all: this one goes on top of it.
  return sendBeat(model, withProcess(world, worker, { stored: shown.beat }), worker, flight.sentAt);
}

function sendingTime(model: Model, world: World, worker: number, flight: Flight): number {
  return model.protocol.rules.countsFromSending ? flight.sentAt : world.clocks[worker]!;
}

/** The product's own arithmetic says which of two beats the lease hangs on, and whether it can be renewed at all. */
function renewal(model: Model, world: World, worker: number, flight: Flight): Partial<Process> {
  const { renewedAt } = world.processes[worker]!;
  const sentAt = sendingTime(model, world, worker, flight);
  const { lapseIsFinal } = model.protocol.rules;
  const now = lapseIsFinal ? world.clocks[worker]! : renewedAt;
  const lease = new OwnLease(clockAt(now), model.leaseDurationMs);
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
  const flights = flightsOf(process).filter(({ write }) => model.late.has(write.name));
  for (const under of subsets(flights, model.maxLate - world.late.length)) {
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
