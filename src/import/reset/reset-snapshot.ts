import type { LeaseTable } from '../../leases/lease-table.ts';
import type { FreeRow } from '../../leases/reset-writes.ts';
import { RESET_PREFIX } from '../../leases/reset-record.ts';
import { number } from '../../leases/row.ts';
import { encodeParts, partKey, putPart, readParts, SNAPSHOT_SECONDS } from '../../leases/snapshot-parts.ts';
import { KcgError } from '../../lib/errors.ts';
import type { ResetPlan, ResetShard } from './plan-reset.ts';

/** What a reset found and what it is to make of it: from it whoever comes goes on, and a later one goes back. */
export interface ResetSnapshot extends Pick<ResetPlan, 'notes' | 'unchanged'> {
  layout: 1;
  /** Ms since the epoch; when the rows were read. */
  at: number;
  /** Parents first. */
  shards: readonly ResetShard[];
}

/** @returns how many rows keep it */
export async function writeResetSnapshot(
  table: LeaseTable,
  { id, snapshot, signal }: { id: string; snapshot: ResetSnapshot; signal: AbortSignal },
): Promise<number> {
  const parts = encodeParts(snapshot);
  const ttl = expiryOf(snapshot) / 1000;
  for (const [part, data] of parts.entries()) {
    const key = partKey(RESET_PREFIX, id, part);
    await table.write(putPart(key, { data, ttl, parts: parts.length }), { signal });
  }
  return parts.length;
}

/** Ms since the epoch, in whole seconds. */
export function expiryOf({ at }: Pick<ResetSnapshot, 'at'>): number {
  return (Math.floor(at / 1000) + SNAPSHOT_SECONDS) * 1000;
}

/** @throws KcgError `NotFound` when it is not there, or not whole */
export async function readResetSnapshot(
  table: LeaseTable,
  id: string,
  signal: AbortSignal,
): Promise<ResetSnapshot> {
  const first = await table.get(partKey(RESET_PREFIX, id, 0), { consistent: true, signal });
  const parts = (first && number(first, 'parts')) ?? 0;
  const snapshot = await readParts(table, { prefix: RESET_PREFIX, id, parts }, signal);
  if (snapshot !== undefined) return snapshot as ResetSnapshot;
  throw new KcgError(
    'NotFound',
    `there is no snapshot ${id} of the group: it is of another one, or older than 90 days`,
  );
}

/** Every position before the reset. */
export function positionsBefore({ shards, unchanged }: ResetSnapshot) {
  const known = (before: FreeRow | undefined, shardId: string) =>
    before === undefined ? [] : [{ shardId, checkpoint: before.checkpoint }];
  return [
    ...shards.flatMap(({ lease, before }) => known(before, lease.shardId)),
    ...unchanged.flatMap(({ shardId, before }) => known(before, shardId)),
  ];
}
