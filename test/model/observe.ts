import { ObservedWorkers } from '../../src/leases/observed-workers.ts';
import type { WorkerRow } from '../../src/leases/worker-row.ts';
import { patch, withProcess, workerOf, type Model, type Sighting, type World } from './world.ts';

/** The rule of standing still, by the product's own class, which is fed what has been seen before. */
export function observe(
  model: Model,
  before: Sighting | undefined,
  seen: WorkerRow | undefined,
  now: number,
) {
  if (seen === undefined) return { sighting: undefined, lapsed: false };
  const observed = new ObservedWorkers();
  if (before) observed.observe([{ ...seen, ...before }], before.since);
  observed.observe([seen], now);
  const lapsed = model.protocol.rules.waitsBeforeFencing
    ? observed.lapsed([seen], now, model.leaseDurationMs).length > 0
    : seen.state !== 'dead';
  return { sighting: kept(observed, before, seen, now) ? before : sightingOf(seen, now), lapsed };
}

/** Whether the class still counts from the earlier sighting: only then has that stood still for its whole age. */
function kept(
  observed: ObservedWorkers,
  before: Sighting | undefined,
  seen: WorkerRow,
  now: number,
): before is Sighting {
  if (before === undefined) return false;
  return observed.stillMs({ ...seen, incarnation: before.incarnation, beat: before.beat }, now + 1) > 0;
}

function sightingOf({ incarnation, beat }: WorkerRow, since: number): Sighting {
  return { incarnation, beat, since };
}

/**
 * The worst observers there are: they see each change of a worker's row at the moment it happens. Seeing it later, or
 * as it was before, only makes them wait longer, and a fence holds only against the beat that is there.
 */
export function observedAtOnce(model: Model, world: World, changed: number): World {
  const row = world.workerRows[changed]![0];
  let next = world;
  for (let watcher = 0; watcher < model.workers; watcher += 1) {
    const { life, announced } = next.processes[watcher]!;
    if (watcher !== changed && life === 'up' && announced)
      next = look(model, next, watcher, changed, row && workerOf(row));
  }
  return next;
}

/** What a worker sees when it has just begun. */
export function lookedAround(model: Model, world: World, watcher: number): World {
  let next = world;
  for (let other = 0; other < model.workers; other += 1) {
    const row = world.workerRows[other]![0];
    if (other !== watcher) next = look(model, next, watcher, other, row && workerOf(row));
  }
  return next;
}

function look(
  model: Model,
  world: World,
  watcher: number,
  other: number,
  seen: WorkerRow | undefined,
): World {
  const { sightings } = world.processes[watcher]!;
  const { sighting } = observe(model, sightings[other], seen, world.clocks[watcher]!);
  if (sighting === sightings[other]) return world;
  return withProcess(world, watcher, { sightings: patch(sightings, other, sighting) });
}
