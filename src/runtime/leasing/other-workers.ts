import { formatRef, type WorkerRef } from '../../leases/lease.ts';
import type { LeaseTable } from '../../leases/lease-table.ts';
import { planLeases } from '../../leases/plan-leases.ts';
import { knockWorker } from '../../leases/transitions.ts';
import type { WorkerRow } from '../../leases/worker-row.ts';
import { KcgError } from '../../lib/errors.ts';
import type { GroupState } from './group-state.ts';
import type { Nudge } from './nudge.ts';
import type { OnWorkerEvent } from '../worker-event.ts';

export interface OtherWorkersOptions {
  table: LeaseTable;
  state: GroupState;
  me: WorkerRef;
  nudge: Nudge;
  onEvent: OnWorkerEvent;
}

/** Tells others that rows have changed: by a nudge, or by a knock on their row where that fails. */
export class OtherWorkers {
  readonly #options: OtherWorkersOptions;

  constructor(options: OtherWorkersOptions) {
    this.#options = options;
  }

  async tellAll(): Promise<void> {
    const { state, me } = this.#options;
    const others = state.workers.filter((row) => row.worker !== me.worker && row.state !== 'dead');
    await Promise.all(others.map((row) => this.#nudge(row)));
  }

  /** They look at shard rows once a minute otherwise; all of them, because what is free is placed by one plan. */
  async tellTakers(): Promise<void> {
    const { state } = this.#options;
    const takes = planLeases(state.leases, state.workers).filter(({ kind }) => kind === 'take');
    await Promise.all([...new Set(takes.map(({ to }) => to))].map((ref) => this.tell(ref)));
  }

  /** Tells the worker whose present life has this ref, if it is another one. */
  async tell(ref: string | undefined): Promise<void> {
    const { state, me } = this.#options;
    const row = state.workers.find((worker) => ref === formatRef(worker));
    if (row !== undefined && row.worker !== me.worker) await this.#nudge(row);
  }

  async #nudge(row: WorkerRow): Promise<void> {
    const { table, nudge, onEvent } = this.#options;
    if (row.address !== '' && (await nudge(row.address))) return;
    try {
      await table.write(knockWorker(row));
    } catch (thrown) {
      onEvent({ type: 'TableTrouble', operation: 'knock', error: KcgError.from(thrown) });
    }
  }
}
