import type { Checkpoint } from '../../src/kinesis/position.ts';
import { parseRef } from '../../src/leases/lease.ts';
import type { WriteResult } from '../../src/leases/row-write.ts';
import type { Ownership, Progress } from '../../src/leases/transitions.ts';
import { isReceiver } from './coordinator-steps.ts';
import { plannedMove } from './plan.ts';
import { fault, flightSteps, good, send, type Step } from './step.ts';
import {
  gateIsOpen,
  IDLE,
  leaseIsGood,
  leaseOf,
  NOW_MS,
  patch,
  positionOf,
  putWrite,
  refOf,
  shardName,
  withWork,
  workerName,
  type Held,
  type Model,
  type World,
} from './world.ts';

/** A held shard: delivering, checkpointing, handing over, ending. What `ShardConsumer`, `Checkpointer`, `HeldShards` do. */
export function* shardSteps(model: Model, world: World, worker: number, shard: number): Generator<Step> {
  const held = world.processes[worker]!.work[shard]!;
  if (held.is !== 'held') return;
  const who = workerName(worker);
  const what = shardName(shard);
  const { records } = model.shards[shard]!;
  const set = (change: Partial<Held>, next = world) => withWork(next, worker, shard, { ...held, ...change });

  if (gateIsOpen(model, world, worker, shard) && held.at < records) {
    const at = held.at + 1;
    const done = patch(world.done, shard, Math.max(at, world.done[shard]!));
    yield {
      ...good(`${who} delivers record ${at} of ${what}`, set({ at }, { ...world, done })),
      delivered: { shard, at },
    };
  }
  if (held.flight) {
    yield* flightSteps(model, world, slotOf(model, worker, shard, held));
    return;
  }
  if (held.task !== 'consume') {
    if (leaseIsGood(model, world, worker))
      yield good(`${who} repeats: ${held.task} ${what}`, sendTask(model, world, worker, shard, held));
    else yield good(`${who} drops ${what}`, withWork(world, worker, shard, IDLE));
    return;
  }
  if (model.may.has('checkpoint') && held.at > held.written) {
    const own = ownership(world, worker, shard, held);
    const { checkpoint } = model.protocol.writes;
    const write = checkpoint(own, progressAt(held.at), NOW_MS, checkpointAt(held.written));
    yield good(`${who} checkpoints ${what} at ${held.at}`, set({ flight: send(world, worker, write) }));
  }
  // The checkpointer does not ask the lease: its condition does.
  if (!leaseIsGood(model, world, worker)) return;
  yield* handOffSteps(model, world, worker, shard, held);
  if (model.shards[shard]!.children && held.at === records) {
    const ending: Held = { ...held, task: 'end', detail: 0 };
    yield good(`${who} ends ${what}`, sendTask(model, world, worker, shard, ending));
  }
}

/** Givers ask the plan; here any live worker may be the receiver, and a shard may be released at any time. */
function* handOffSteps(
  model: Model,
  world: World,
  worker: number,
  shard: number,
  held: Held,
): Generator<Step> {
  const who = workerName(worker);
  const what = shardName(shard);
  const drains = world.processes[worker]!.state === 'draining';
  const move = model.planned ? plannedMove(world, worker, shard, 'give') : undefined;
  if (model.may.has('give')) {
    for (let other = 0; other < model.workers; other += 1) {
      if (other === worker || !isReceiver(model, world, other)) continue;
      const to = refOf(world, other);
      if (model.planned && move?.to !== to) continue;
      const giving: Held = { ...held, task: 'give', to };
      const next = sendTask(model, world, worker, shard, giving);
      const name = `${who} gives ${what} to ${to}`;
      yield model.planned ? good(name, next) : fault(name, next);
    }
  }
  const mayRelease = model.planned ? drains && !move : drains || model.may.has('release');
  if (!mayRelease) return;
  const next = sendTask(model, world, worker, shard, { ...held, task: 'release' });
  yield drains ? good(`${who} releases ${what}`, next) : fault(`${who} releases ${what}`, next);
}

function sendTask(model: Model, world: World, worker: number, shard: number, held: Held): World {
  const { writes, rules } = model.protocol;
  const own = ownership(world, worker, shard, held);
  const unwritten = held.at > held.written && rules.handsOverProgress ? progressAt(held.at) : undefined;
  const children = model.shards[shard]!.children ?? [];
  const writeOf = {
    consume: () => writes.end(own, NOW_MS),
    give: () => writes.give(own, parseRef(held.to), unwritten, NOW_MS),
    release: () => writes.release(own, unwritten, NOW_MS),
    end: () => {
      const step = rules.childrenFirst
        ? held.detail
        : (held.detail + children.length) % (children.length + 1);
      const child = children[step];
      return child === undefined ? writes.end(own, NOW_MS) : putWrite(model, child);
    },
  };
  const flight = send(world, worker, writeOf[held.task]());
  return withWork(world, worker, shard, { ...held, flight });
}

function slotOf(model: Model, worker: number, shard: number, held: Held) {
  const flight = held.flight!;
  /** As it is when the answer comes: delivering may have gone on. */
  const now = (next: World) => next.processes[worker]!.work[shard] as Held;
  return {
    who: workerName(worker),
    flight,
    put: (next: World, answering: typeof flight) =>
      withWork(next, worker, shard, { ...now(next), flight: answering }),
    answered: (next: World, { outcome, row }: WriteResult) => {
      const { task, detail } = held;
      if (task === 'consume') {
        const lease = row && leaseOf(row);
        const isMine = lease?.owner === refOf(next, worker) && lease.epoch === held.epoch;
        if (!lease || (outcome === 'lost' && !isMine)) return withWork(next, worker, shard, IDLE);
        // Done, or an attempt that was given up has had its effect: either way the row says how far it is.
        return withWork(next, worker, shard, { ...now(next), flight: undefined, written: positionOf(lease) });
      }
      const isLast = task !== 'end' || detail === model.shards[shard]!.children!.length;
      if (isLast) return withWork(next, worker, shard, IDLE);
      return sendTask(model, next, worker, shard, { ...now(next), detail: detail + 1 });
    },
    unanswered: (next: World) => {
      const detail = held.task === 'end' ? 0 : held.detail;
      return withWork(next, worker, shard, { ...now(next), flight: undefined, detail });
    },
  };
}

function ownership(world: World, worker: number, shard: number, held: Held): Ownership {
  return { shardId: shardName(shard), epoch: held.epoch, owner: parseRef(refOf(world, worker)) };
}

function checkpointAt(at: number): Checkpoint {
  return at === 0 ? { at: 'TRIM_HORIZON' } : { at: 'SEQUENCE', sequence: String(at) };
}

function progressAt(at: number): Progress {
  return { checkpoint: checkpointAt(at), behindMs: 0, readAt: 0, load: 0 };
}
