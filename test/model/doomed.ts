import type { Row } from '../../src/leases/row.ts';
import { holds, type RowWrite } from '../../src/leases/row-write.ts';
import {
  IDLE,
  indexOfKey,
  isWorkerKey,
  leaseOf,
  withProcess,
  withWork,
  workerOf,
  type Flight,
  type World,
} from './world.ts';

/**
 * A write under way that can never hold again: the row has another epoch, another incarnation or a later beat than it
 * asks for, and none of these ever comes back (I2 and I7). All that is left of it is its answer, "lost". Where the sender
 * would do nothing but forget it, it is forgotten at once: who waits for such an answer can do no more than who does not.
 */
export function withoutDoomed(world: World, key: string): World {
  const rows = isWorkerKey(key) ? world.workerRows : world.shardRows;
  const index = indexOfKey(key);
  const row = rows[index]![0];
  const doomed = (flight: Flight | undefined) =>
    flight !== undefined &&
    flight.answer === undefined &&
    flight.write.key === key &&
    isDoomed(flight.write, row);
  let next = world;
  for (const [worker, { fence, work }] of world.processes.entries()) {
    if (doomed(fence)) next = withProcess(next, worker, { fence: undefined });
    if (isWorkerKey(key)) continue;
    const taking = work[index]!;
    if (taking.is === 'taking' && doomed(taking.flight)) next = withWork(next, worker, index, IDLE);
  }
  if (doomed(next.operator)) next = { ...next, operator: undefined };
  return next.late.some(doomed) ? { ...next, late: next.late.filter((flight) => !doomed(flight)) } : next;
}

function isDoomed({ when, proof }: RowWrite, row: Row | undefined): boolean {
  if (row === undefined || (proof.length > 0 && proof.every((condition) => holds(condition, row))))
    return false;
  return when.some((condition) => {
    if (condition.is !== 'equal') return false;
    switch (condition.attribute) {
      case 'epoch':
        return leaseOf(row).epoch > Number(condition.value);
      case 'incarnation':
        return Number(workerOf(row).incarnation) > Number(condition.value);
      case 'beat':
        return workerOf(row).beat > Number(condition.value) && incarnationIsAsked(when, row);
      default:
        return false;
    }
  });
}

function incarnationIsAsked(when: RowWrite['when'], row: Row): boolean {
  return when.some((condition) => condition.attribute === 'incarnation' && holds(condition, row));
}
