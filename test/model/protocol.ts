import {
  announceWorker,
  beatWorker,
  checkpointShard,
  endShard,
  fenceWorker,
  giveShard,
  putShard,
  releaseShard,
  removeWorker,
  takeShard,
} from '../../src/leases/transitions.ts';
import type { RowWrite } from '../../src/leases/row-write.ts';

/** The writes of the product itself. A mutation replaces one of them. */
export const WRITES = {
  announce: announceWorker,
  beat: beatWorker,
  checkpoint: checkpointShard,
  end: endShard,
  fence: fenceWorker,
  give: giveShard,
  put: putShard,
  release: releaseShard,
  remove: removeWorker,
  take: takeShard,
  reset: resetShard,
};

/**
 * What a worker does around its writes. The product does all of it in loops that cannot be stepped from outside, so
 * each is said again here, as one line that a mutation can switch off. (`OwnLease` and `ObservedWorkers`, which hold
 * all arithmetic on time, are the product's own.)
 */
export const RULES = {
  /** `ShardConsumer` asks `OwnLease` before each batch and each acknowledgement. */
  gateAsksLease: true,
  /** `Heartbeat.beat` counts from before the beat was sent, not from its answer. */
  countsFromSending: true,
  /** `OwnLease` stays over once it has run out, whatever a late answer says. */
  lapseIsFinal: true,
  /** `Incarnation.run` drops everything when the lease is over, and the next life begins. */
  fencesItself: true,
  /** `Worker.run` makes a new incarnation for each life. */
  newIncarnation: true,
  /** `LeaseCoordinator` fences only what `ObservedWorkers` calls lapsed. */
  waitsBeforeFencing: true,
  /** The operator fences only workers whose process has ended. */
  operatorKnowsOfEnd: true,
  /** `TakeConfirmation` reads the owner's row strongly before a take. */
  confirmsDeath: true,
  /** `TakeConfirmation` reads all parents' rows strongly before a take. */
  confirmsParents: true,
  /** `LeaseCoordinator` adopts rows that name this worker though it does not run them. */
  adopts: true,
  /** Adopting reads the row strongly. */
  confirmsAdoption: true,
  /** A shard is started from the row that the take returned. */
  startsFromReturnedRow: true,
  /** `HeldShards.handOff` drains before it gives or releases. */
  drainsBeforeHandOff: true,
  /** A give or release carries the progress that is not written yet. */
  handsOverProgress: true,
  /** `HeldShards` puts the children's rows before it ends the parent. */
  childrenFirst: true,
  /** A worker asks whether its lease is good once more before it starts what it took. */
  asksLeaseBeforeStart: true,
  /** A worker removes its row only when it owns nothing any more. */
  removesRowLast: true,
};

export type Writes = typeof WRITES;
export type Rules = typeof RULES;

export interface Protocol {
  writes: Writes;
  rules: Rules;
}

export const PROTOCOL: Protocol = { writes: WRITES, rules: RULES };

/**
 * Moves the checkpoint of a shard that nobody owns: what `moveShard` in `src/leases/reset-writes.ts` asks of `epoch` and `ref`
 * alone. That one takes rows of dead owners too, and workers are held off before.
 */
export function resetShard(seen: { shardId: string; epoch: number }, sequence: string): RowWrite {
  return {
    name: 'reset',
    key: seen.shardId,
    kind: 'update',
    when: [
      { attribute: 'epoch', is: 'equal', value: seen.epoch },
      { attribute: 'ref', is: 'absent' },
    ],
    set: { sequence, epoch: seen.epoch + 1 },
    remove: ['sub_sequence', 'start_at'],
    proof: [],
  };
}
