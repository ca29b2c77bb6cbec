import type { GroupStatus } from '../api/group-status.ts';
import type { StoredObject } from '../kubernetes/cluster.ts';

/**
 * What groups are about to have and no cache shows yet, by the uid of the group: several are looked at at once, and would each
 * find the last one free. All of it can be lost: what was made shows a moment later.
 */
export class Bookings {
  readonly #tables = new Set<string>();
  readonly #replicas = new Map<string, number>();

  /** Books a table for the group, unless the `others` of its namespace have `most` already. Returns those that have one. */
  bookTable(
    uid: string,
    { others, most }: { others: readonly StoredObject[]; most: number },
  ): {
    isBooked: boolean;
    holders: StoredObject[];
  } {
    const holders = others.filter(
      ({ metadata, status }) =>
        this.#tables.has(metadata.uid) || (status as GroupStatus | undefined)?.table?.created === true,
    );
    const isBooked = holders.length < most;
    if (isBooked) this.#tables.add(uid);
    return { isBooked, holders };
  }

  /** It was not made. */
  freeTable(uid: string): void {
    this.#tables.delete(uid);
  }

  bookReplicas(uid: string, replicas: number): void {
    this.#replicas.set(uid, replicas);
  }

  /** They were not started: what runs counts. */
  freeReplicas(uid: string): void {
    this.#replicas.delete(uid);
  }

  /** Undefined = nothing was decided yet: what runs counts. */
  replicasOf(uid: string): number | undefined {
    return this.#replicas.get(uid);
  }

  forget(uid: string): void {
    this.#tables.delete(uid);
    this.#replicas.delete(uid);
  }
}
