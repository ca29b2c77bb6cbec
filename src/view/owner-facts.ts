import { parseRef, type Lease } from '../leases/lease.ts';
import type { WorkerRow } from '../leases/worker-row.ts';
import type { Cause } from './judge-shard.ts';
import { livingOwner, ownerRow } from './living-owner.ts';

type Workers = ReadonlyMap<string, WorkerRow>;

/**
 * When somebody alive had the shard last, ms since the epoch, as far as the rows tell: its owner has written the row, has
 * beaten, or was replaced by another life of the same pod.
 */
export function ownedAtOf(lease: Lease, workers: Workers): number {
  const owner = ownerRow(lease.owner, workers);
  const heir = lease.owner === undefined ? undefined : workers.get(parseRef(lease.owner).worker);
  return Math.max(
    // Epochs begin at the second in which the row was made.
    lease.epoch * 1000,
    lease.takenAt ?? 0,
    lease.readAt ?? 0,
    lease.checkpointedAt ?? 0,
    owner?.beatAt ?? 0,
    owner ? 0 : (heir?.startedAt ?? 0),
  );
}

/** What its owner says keeps it from its work. It counts shards and does not name them. */
export function troubleOf(lease: Lease, workers: Workers): Cause | undefined {
  const owner = livingOwner(lease, workers);
  if (owner?.handlerTrouble?.destination) return 'DestinationFails';
  if (owner?.handlerTrouble) return owner.handlerTrouble.hangs ? 'HandlerHangs' : 'HandlerFails';
  switch (owner?.readTrouble) {
    case undefined:
      return undefined;
    case 'AccessDenied':
    case 'Credentials':
      return 'ReadDenied';
    case 'Throttled':
      return 'ReadThrottled';
    default:
      return 'ReadFails';
  }
}
