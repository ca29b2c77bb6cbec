import { isEnded, parseRef, type Lease } from '../leases/lease.ts';
import type { LeaseTable } from '../leases/lease-table.ts';
import type { Move } from '../leases/plan-leases.ts';
import { workerKey } from '../leases/row.ts';
import { decodeWorker } from '../leases/worker-row.ts';
import type { GroupState } from './group-state.ts';

/**
 * Strong reads before a take: the last owner is dead or gone, and every parent is ended or gone from the stream.
 * What is confirmed once stays true, because a dead incarnation never lives again and an ended shard never reopens.
 */
export class TakeConfirmation {
  readonly #table: LeaseTable;
  readonly #state: GroupState;
  readonly #listShardIds: () => Promise<ReadonlySet<string>>;
  readonly #deadRefs = new Set<string>();
  readonly #endedShards = new Set<string>();

  constructor(table: LeaseTable, state: GroupState, listShardIds: () => Promise<ReadonlySet<string>>) {
    this.#table = table;
    this.#state = state;
    this.#listShardIds = listShardIds;
  }

  async mayTake(lease: Lease, move: Move, signal: AbortSignal): Promise<boolean> {
    if (lease.owner !== move.from) return false;
    if (lease.owner !== undefined && !(await this.#isDead(lease.owner, signal))) return false;
    for (const parent of lease.parents) {
      if (!(await this.#isEnded(parent, signal))) return false;
    }
    return true;
  }

  async #isDead(ref: string, signal: AbortSignal): Promise<boolean> {
    if (this.#deadRefs.has(ref)) return true;
    const { worker, incarnation } = parseRef(ref);
    const row = await this.#table.get(workerKey(worker), { consistent: true, signal });
    const current = row && decodeWorker(row);
    const dead = current === undefined || current.incarnation !== incarnation || current.state === 'dead';
    if (dead) this.#deadRefs.add(ref);
    return dead;
  }

  async #isEnded(shardId: string, signal: AbortSignal): Promise<boolean> {
    if (this.#endedShards.has(shardId)) return true;
    const row = await this.#table.get(shardId, { consistent: true, signal });
    const lease = this.#state.learn(row);
    const ended = lease === undefined ? !(await this.#listShardIds()).has(shardId) : isEnded(lease);
    if (ended) this.#endedShards.add(shardId);
    return ended;
  }
}
