import type { ForeignPosition, ForeignPositions, ForeignRow, ForeignRows } from '../foreign-store.ts';
import { fingerprint, pointOf, SHARD_ID, text, texts, timedLease, wrongKey, wrongRow } from './row.ts';

/*
 * vmware-go-kcl 1 and 2: a table of one application over one stream, with the key `ShardID`. Rows stay until their shard has left
 * the stream; one that is missing was never taken. A child's row comes before its parent is finished: it waits with the lease. Of
 * two parents it knows one.
 */

/** Its lease; it renews five seconds before the end. */
const LEASE_MS = 10_000;
const EXPIRY_MS = 20_000;
const MOVING = ['AssignedTo', 'LeaseTimeout', 'Checkpoint', 'ClaimRequest'];

export function readVmwareGoKcl(rows: ForeignRows): ForeignPositions {
  const wrong = wrongKey(rows, 'ShardID');
  const read = wrong === undefined ? rows.rows.map((row) => positionOf(row, rows.source)) : [];
  const positions = read.flatMap(({ position }) => position ?? []);
  const refusals = [...(wrong === undefined ? [] : [wrong]), ...read.flatMap(({ refusal }) => refusal ?? [])];
  if (positions.length === 0 && refusals.length === 0)
    refusals.push(`${rows.source} has no row of any shard`);
  const leased = positions.flatMap(({ leasedUntilMs }) => leasedUntilMs ?? []);
  return {
    program: 'vmware-go-kcl',
    version: 'vmware-go-kcl',
    source: rows.source,
    positions: positions.toSorted((a, b) => (a.shardId < b.shardId ? -1 : 1)),
    movement: positions.map(({ movement }) => movement).join('\n'),
    expiryMs: EXPIRY_MS,
    isSilentWhenIdle: false,
    ...(leased.length === 0 ? {} : { lastSeenMs: Math.max(...leased) - LEASE_MS }),
    dropsFinishedShards: false,
    skipped: [],
    refusals,
  };
}

function positionOf(row: ForeignRow, source: string) {
  const shardId = text(row, 'ShardID') ?? '';
  if (!SHARD_ID.test(shardId)) return { refusal: `${source}: the row ${shardId} is of no shard` };
  const attributes = ['Checkpoint', 'AssignedTo', 'LeaseTimeout'];
  const wrong = wrongRow(row, { name: shardId, attributes, source });
  if (wrong !== undefined) return { refusal: wrong };
  const point = pointOf(row['Checkpoint']);
  if (point === undefined) {
    return {
      refusal: `${source}: the Checkpoint of ${shardId} is ${JSON.stringify(row['Checkpoint'])}, which is no position`,
    };
  }
  const position: ForeignPosition = {
    shardId,
    point,
    ...timedLease(row, 'AssignedTo'),
    movement: fingerprint(row, MOVING),
    parents: texts(row, 'ParentShardId'),
  };
  return { position };
}
