import { decodeRows } from '../../src/leases/group-rows.ts';
import { planLeases, type Move } from '../../src/leases/plan-leases.ts';
import type { Row } from '../../src/leases/row.ts';
import { refOf, shardName, workerName, type Model, type World } from './world.ts';

/** What the product's own plan, over the rows as they are, has this worker do with this shard. */
export function plannedMove(
  world: World,
  worker: number,
  shard: number,
  kind: Move['kind'],
): Move | undefined {
  const me = refOf(world, worker);
  return planOf(world, worker).find(
    (move) =>
      move.kind === kind &&
      move.shardId === shardName(shard) &&
      (kind === 'take' ? move.to : move.from) === me,
  );
}

export function isPlanned(
  model: Model,
  world: World,
  worker: number,
  shard: number,
  kind: Move['kind'],
): boolean {
  return !model.planned || plannedMove(world, worker, shard, kind) !== undefined;
}

const plans = new WeakMap<World, Map<number, Move[]>>();

/** Each worker knows of itself that it is draining before the others can read it. */
function planOf(world: World, worker: number): Move[] {
  let known = plans.get(world);
  if (!known) plans.set(world, (known = new Map()));
  let plan = known.get(worker);
  if (plan) return plan;
  const newest = [...world.workerRows, ...world.shardRows].map(([row]) => row);
  const { leases, workers } = decodeRows(newest.filter((row): row is Row => row !== undefined));
  const { state } = world.processes[worker]!;
  const seen = workers.map((row) =>
    state === 'draining' && row.worker === workerName(worker) && row.state === 'live'
      ? { ...row, state }
      : row,
  );
  known.set(worker, (plan = planLeases(leases, seen)));
  return plan;
}
