import { coordinatorSteps, operatorSteps } from './coordinator-steps.ts';
import { heartbeatSteps } from './heartbeat-steps.ts';
import { shardSteps } from './shard-steps.ts';
import { lateSteps, type Step } from './step.ts';
import { leaseIsGood, type Model, type World } from './world.ts';

/** Everything that can happen next. A pause needs no step of its own: any worker may do nothing for any time. */
export function* steps(model: Model, world: World): Generator<Step> {
  for (let worker = 0; worker < model.workers; worker += 1) {
    yield* heartbeatSteps(model, world, worker);
    yield* coordinatorSteps(model, world, worker);
    if (world.processes[worker]!.life !== 'up') continue;
    for (let shard = 0; shard < model.shards.length; shard += 1)
      yield* shardSteps(model, world, worker, shard);
  }
  yield* operatorSteps(model, world);
  yield* lateSteps(model, world);
  if (model.may.has('time')) yield* ticks(model, world);
}

/** Real time passes, and each clock counts it in its own way. Where nothing is wrong, no lease runs out by it. */
function* ticks(model: Model, world: World): Generator<Step> {
  for (const counts of choices(model.speeds)) {
    const next = { ...world, clocks: world.clocks.map((ms, worker) => ms + counts[worker]!) };
    const isGood = world.processes.every(
      (_, worker) => !leaseIsGood(model, world, worker) || leaseIsGood(model, next, worker),
    );
    yield { name: `time passes: ${counts.join(', ')} ms`, world: next, good: isGood };
  }
}

/** One of each. */
function choices<T>(lists: readonly (readonly T[])[]): T[][] {
  return lists.reduce<T[][]>((all, list) => all.flatMap((some) => list.map((one) => [...some, one])), [[]]);
}
