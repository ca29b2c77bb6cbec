import type { Row } from '../../src/leases/row.ts';
import { applyWrite, type RowWrite, type WriteResult } from '../../src/leases/row-write.ts';
import { withoutDoomed } from './doomed.ts';
import { observedAtOnce } from './observe.ts';
import { indexOfKey, isWorkerKey, leaseOf, patch, positionOf, type Model, type World } from './world.ts';

/** The write takes effect, or fails, on the rows as they are now. */
export function land(model: Model, world: World, write: RowWrite): { world: World; result: WriteResult } {
  const ofWorker = isWorkerKey(write.key);
  const index = indexOfKey(write.key);
  const rows = ofWorker ? world.workerRows : world.shardRows;
  const [before] = rows[index]!;
  const result = applyWrite(write, before);
  if (result.outcome === 'lost' || result.row === before) return { world, result };
  const kept = ofWorker ? model.staleness.workers : model.staleness.shards;
  const versions = patch(rows, index, [result.row, ...rows[index]!].slice(0, 1 + kept));
  const done = before === undefined ? world.done : doneAfter(write, world.done, index, before, result.row);
  const changed = ofWorker ? { ...world, workerRows: versions } : { ...world, shardRows: versions, done };
  const next = model.reduces ? withoutDoomed(changed, write.key) : changed;
  return { world: ofWorker && model.observesAtOnce ? observedAtOnce(model, next, index) : next, result };
}

/** What a fenced or crashed owner had not written is delivered again, and so is what a reset goes back over. */
function doneAfter(
  { name }: RowWrite,
  done: readonly number[],
  shard: number,
  before: Row,
  after: Row | undefined,
): readonly number[] {
  if (name === 'take' && leaseOf(before).owner !== undefined)
    return patch(done, shard, positionOf(leaseOf(before)));
  return name === 'reset' ? patch(done, shard, positionOf(leaseOf(after!))) : done;
}
