import { formatRef, parseRef, type WorkerRef } from '../../leases/lease.ts';
import type { LeaseTable } from '../../leases/lease-table.ts';
import { planLeases } from '../../leases/plan-leases.ts';
import { workerKey } from '../../leases/row.ts';
import { KcgError } from '../../lib/errors.ts';
import type { OnWorkerEvent } from '../worker-event.ts';
import type { GroupState } from './group-state.ts';
import type { HandOver } from './held-shards.ts';
import { givenReason } from './ownership-change.ts';

export interface ReceiversOptions {
  table: LeaseTable;
  me: WorkerRef;
  state: GroupState;
  onEvent: OnWorkerEvent;
}

/** Whom this worker's shards are planned to go to. */
export class Receivers {
  readonly #options: ReceiversOptions;
  /** Reads of worker rows on their way: shards that are drained at once share them. */
  readonly #reading = new Map<string, Promise<void>>();

  constructor(options: ReceiversOptions) {
    this.#options = options;
  }

  /**
   * Asked when the shard is drained. The receiver's row is read once more: workers that stop together see that of one another
   * late, and a shard that is given to one that has gone waits until its lease is over.
   */
  async of(shardId: string): Promise<HandOver | undefined> {
    for (;;) {
      const over = this.#planned(shardId);
      if (over === undefined) return undefined;
      await this.#look(over.to.worker);
      const planned = this.#planned(shardId);
      if (planned === undefined || formatRef(planned.to) === formatRef(over.to)) return planned;
    }
  }

  #look(worker: string): Promise<void> {
    const reading = this.#reading.get(worker) ?? this.#read(worker);
    this.#reading.set(worker, reading);
    return reading.finally(() => this.#reading.delete(worker));
  }

  /** Without an answer the plan has to do. */
  async #read(worker: string): Promise<void> {
    const { table, state, onEvent } = this.#options;
    try {
      state.readWorker(worker, await table.get(workerKey(worker), { consistent: true }));
    } catch (thrown) {
      onEvent({ type: 'TableTrouble', operation: 'drain', error: KcgError.from(thrown) });
    }
  }

  #planned(shardId: string): HandOver | undefined {
    const { state, me } = this.#options;
    if (state.paused) return undefined;
    const move = planLeases(state.leases, state.workers).find((m) => m.shardId === shardId);
    if (move?.from !== formatRef(me) || move.kind !== 'give') return undefined;
    return { to: parseRef(move.to), reason: givenReason(move.reason) };
  }
}
