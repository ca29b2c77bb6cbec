import type { RowWrite, WriteResult } from '../../src/leases/row-write.ts';
import { land } from './land.ts';
import type { Flight, Model, World } from './world.ts';

/** One thing that can happen next. */
export interface Step {
  /** For people. */
  readonly name: string;
  readonly world: World;
  /** Not a fault: what goes on when nothing is wrong any more. Liveness may count on these steps alone. */
  readonly good: boolean;
  readonly delivered?: { readonly shard: number; readonly at: number };
}

export const good = (name: string, world: World): Step => ({ name, world, good: true });
export const fault = (name: string, world: World): Step => ({ name, world, good: false });

export function send(world: World, worker: number, write: RowWrite): Flight {
  return { write, sentAt: world.clocks[worker] ?? 0, answer: undefined };
}

/** Where a call under way is kept, and what its sender does with the answer or without one. */
export interface Slot {
  who: string;
  flight: Flight;
  put: (world: World, flight: Flight) => World;
  /** Undefined: nothing to note. */
  answered: (world: World, result: WriteResult) => World;
  /** The sender has given up waiting; the effect is unknown to it. */
  unanswered: (world: World) => World;
}

/**
 * All that can happen to a call: its request and its answer take any time, either can get lost, and a write that the
 * sender has given up can still take effect at any later time.
 */
export function* flightSteps(model: Model, world: World, slot: Slot): Generator<Step> {
  const { who, flight } = slot;
  const { name, key } = flight.write;
  const what = `${who}: ${name} ${key}`;
  const loses = model.may.has('lose answers');
  if (flight.answer) {
    yield good(`${what} is answered: ${flight.answer.outcome}`, slot.answered(world, flight.answer));
    if (loses) yield fault(`${what}: the answer is lost`, slot.unanswered(world));
    return;
  }
  const landed = land(model, world, flight.write);
  const { outcome } = landed.result;
  if (model.split.has(name)) {
    const answering = { ...flight, answer: landed.result };
    yield good(`${what} takes effect: ${outcome}`, slot.put(landed.world, answering));
  } else {
    yield good(`${what}: ${outcome}`, slot.answered(landed.world, landed.result));
    if (loses && landed.world !== world) {
      yield fault(`${what} takes effect, the answer is lost`, slot.unanswered(landed.world));
    }
  }
  if (!loses) return;
  yield fault(`${what}: the request is lost`, slot.unanswered(world));
  if (world.late.length < model.maxLate && model.late.has(name)) {
    const late = [...world.late, flight];
    yield fault(`${what} is given up and still under way`, slot.unanswered({ ...world, late }));
  }
}

/** Writes given up long ago take effect, or come to nothing. */
export function* lateSteps(model: Model, world: World): Generator<Step> {
  for (const [index, { write }] of world.late.entries()) {
    const late = world.late.filter((_, other) => other !== index);
    const landed = land(model, { ...world, late }, write);
    yield fault(`late: ${write.name} ${write.key}: ${landed.result.outcome}`, landed.world);
  }
}
