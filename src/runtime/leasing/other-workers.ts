import { formatRef, type WorkerRef } from '../../leases/lease.ts';
import type { LeaseTable } from '../../leases/lease-table.ts';
import { planLeases, type Move } from '../../leases/plan-leases.ts';
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

  /** All read all rows: for a death, which anybody may have to do with. */
  async tellAll(): Promise<void> {
    const { state, me } = this.#options;
    const others = state.workers.filter((row) => row.worker !== me.worker && row.state !== 'dead');
    await Promise.all(others.map((row) => this.#nudge(row)));
  }

  /** Those who are planned to take what is free: all of it, because it is placed by one plan. */
  async tellTakers(): Promise<void> {
    await this.#tellThose(({ kind, to }) => (kind === 'take' ? to : undefined));
  }

  /** The same, and those who are planned to give something to this worker. */
  async tellPlanned(): Promise<void> {
    const me = formatRef(this.#options.me);
    await this.#tellThose(({ kind, to, from }) => (kind === 'take' ? to : to === me ? from : undefined));
  }

  /** Tells the worker whose present life has this ref, if it is another one. With `shardIds` it reads only their rows. */
  async tell(ref: string | undefined, shardIds?: readonly string[]): Promise<void> {
    const { state, me } = this.#options;
    const row = state.workers.find((worker) => ref === formatRef(worker));
    if (row !== undefined && row.worker !== me.worker) await this.#nudge(row, shardIds);
  }

  async #tellThose(whom: (move: Move) => string | undefined): Promise<void> {
    const { state } = this.#options;
    const refs = new Set(planLeases(state.leases, state.workers).map(whom));
    await Promise.all([...refs].map((ref) => this.tell(ref)));
  }

  async #nudge(row: WorkerRow, shardIds?: readonly string[]): Promise<void> {
    const { table, nudge, onEvent } = this.#options;
    if (row.address !== '' && (await nudge(row.address, shardIds))) return;
    try {
      await table.write(knockWorker(row));
    } catch (thrown) {
      onEvent({ type: 'TableTrouble', operation: 'knock', error: KcgError.from(thrown) });
    }
  }
}
