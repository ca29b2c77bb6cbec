import { compareCheckpoints } from '../../src/kinesis/position.ts';
import type { Step } from './step.ts';
import {
  gateIsOpen,
  hasEnded,
  leaseOf,
  parentsOf,
  positionOf,
  refOf,
  shardName,
  workerName,
  workerOf,
  type Model,
  type World,
} from './world.ts';

/** What holds at every moment of every run. */
export const INVARIANTS = {
  I1: 'at most one worker may deliver a shard, and it is the one that the row names',
  I2: 'a checkpoint never goes back, and each owner has an epoch of its own, greater than all before',
  I3: 'a child is delivered only when all its parents have ended',
  I4: 'nothing is delivered twice, unless its owner was fenced or crashed, or the checkpoint was reset',
  I5: 'from everywhere, what is not at its end gets an owner that lives, and is read to its end, without a new fault',
  I6: 'when a parent has ended, its children have rows',
  I7: 'a life that was fenced or replaced never comes back, and beats only count up',
  I8: 'nothing is skipped: a checkpoint is never ahead of what has been delivered',
} as const;

export interface Violation {
  invariant: keyof typeof INVARIANTS;
  what: string;
}

/** Undefined: all is well. `ignoresLives`: not I7 itself, but what comes of it. */
export function violationOf(
  model: Model,
  before: World,
  step: Step,
  { ignoresLives = false } = {},
): Violation | undefined {
  return (
    (ignoresLives ? undefined : lifeViolation(before, step)) ??
    rowViolation(model, before, step) ??
    deliveryViolation(before, step) ??
    gateViolation(model, step.world)
  );
}

function lifeViolation(before: World, { world }: Step): Violation | undefined {
  if (before.workerRows === world.workerRows) return undefined;
  for (const [worker, [row]] of world.workerRows.entries()) {
    const was = before.workerRows[worker]![0];
    if (row === was || row === undefined || was === undefined) continue;
    const [old, next] = [workerOf(was), workerOf(row)];
    const who = workerName(worker);
    const [lifeBefore, life] = [Number(old.incarnation), Number(next.incarnation)];
    if (life < lifeBefore || (life === lifeBefore && old.state === 'dead' && next.state !== 'dead')) {
      return {
        invariant: 'I7',
        what: `${who}/${life} is back, which was ${old.state === 'dead' ? 'fenced' : 'replaced'}`,
      };
    }
    if (life === lifeBefore && next.beat < old.beat)
      return { invariant: 'I7', what: `the beat of ${who}/${life} goes back` };
  }
  return undefined;
}

function rowViolation(model: Model, before: World, { name, world }: Step): Violation | undefined {
  if (before.shardRows === world.shardRows) return undefined;
  for (const [shard, versions] of world.shardRows.entries()) {
    const was = before.shardRows[shard]![0];
    const [row] = versions;
    if (row === was || row === undefined) continue;
    for (const child of model.shards[shard]!.children ?? []) {
      if (hasEnded(row) && !world.shardRows[child]![0]) {
        return { invariant: 'I6', what: `${shardName(shard)} has ended and ${shardName(child)} has no row` };
      }
    }
    const reached = hasEnded(row) ? model.shards[shard]!.records : positionOf(leaseOf(row));
    if (reached > world.done[shard]!) {
      return { invariant: 'I8', what: `${shardName(shard)} is checkpointed ahead of what was delivered` };
    }
    if (was === undefined) continue;
    const [old, next] = [leaseOf(was), leaseOf(row)];
    const isReset = name.includes('reset');
    if (!isReset && compareCheckpoints(next.checkpoint, old.checkpoint) < 0) {
      return { invariant: 'I2', what: `the checkpoint of ${shardName(shard)} goes back` };
    }
    if (next.epoch < old.epoch || (next.epoch === old.epoch && next.owner !== old.owner)) {
      return {
        invariant: 'I2',
        what: `${shardName(shard)} changes its owner and epoch ${old.epoch} becomes ${next.epoch}`,
      };
    }
  }
  return undefined;
}

function deliveryViolation(before: World, { delivered }: Step): Violation | undefined {
  if (!delivered || delivered.at > before.done[delivered.shard]!) return undefined;
  return {
    invariant: 'I4',
    what: `record ${delivered.at} of ${shardName(delivered.shard)} is delivered twice`,
  };
}

function gateViolation(model: Model, world: World): Violation | undefined {
  for (let shard = 0; shard < model.shards.length; shard += 1) {
    let owner: number | undefined;
    for (let worker = 0; worker < model.workers; worker += 1) {
      if (!gateIsOpen(model, world, worker, shard)) continue;
      const what = shardName(shard);
      if (owner !== undefined) {
        return {
          invariant: 'I1',
          what: `${workerName(owner)} and ${workerName(worker)} may both deliver ${what}`,
        };
      }
      owner = worker;
      const held = world.processes[worker]!.work[shard]!;
      const row = world.shardRows[shard]![0];
      const lease = row && leaseOf(row);
      if (
        !lease ||
        lease.owner !== refOf(world, worker) ||
        (held.is === 'held' && lease.epoch !== held.epoch)
      ) {
        return { invariant: 'I1', what: `${workerName(worker)} may deliver ${what}, which the row denies` };
      }
      if (!parentsOf(model, shard).every((parent) => hasEnded(world.shardRows[parent]![0]))) {
        return {
          invariant: 'I3',
          what: `${workerName(worker)} may deliver ${what} before its parents have ended`,
        };
      }
      if (hasEnded(row))
        return { invariant: 'I3', what: `${workerName(worker)} may deliver ${what}, which has ended` };
    }
  }
  return undefined;
}

/** Everything is read: closed shards have ended, the others are held by somebody who has delivered all there is. */
export function isSettled(model: Model, world: World): boolean {
  return model.shards.every(({ children, records }, shard) => {
    if (children) return hasEnded(world.shardRows[shard]![0]);
    return world.processes.some(({ work }, worker) => {
      const held = work[shard]!;
      return held.is === 'held' && held.at === records && gateIsOpen(model, world, worker, shard);
    });
  });
}
