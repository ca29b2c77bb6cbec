import type {
  ForeignPosition,
  ForeignPositions,
  ForeignRow,
  ForeignRows,
  ForeignSelection,
} from '../foreign-store.ts';
import { fingerprint, number, pointOf, SHARD_ID, text, wrongKey, wrongRow } from './row.ts';
import { isMap } from '../../lib/is-map.ts';

/*
 * async-kinesis 2 and 3. In DynamoDB a table of one group over one stream, its rows expiring a day after their last write; in
 * Redis a key per shard, `pyredis-<name>-<shardId>`, for ever. A clean stop leaves owner and time null. Finished shards keep
 * their last number. Neither store says of which stream it is.
 */

/** Its session timeout; it writes every fifteen seconds. */
const EXPIRY_MS = 60_000;
const REDIS_KEY = /^pyredis-(.*)-(shardId-\d+)$/s;
const MOVING = ['ref', 'ts', 'sequence'];

interface ShardRow {
  /** As errors name it. */
  name: string;
  shardId: string;
  row: ForeignRow;
}

export function readAsyncKinesis(rows: ForeignRows, selection: ForeignSelection): ForeignPositions {
  const found = rows.key === undefined ? rowsOfRedis(rows, selection) : rowsOfTable(rows);
  const read = found.shards.map((shard) => positionOf(shard, rows.source));
  const positions = read.flatMap(({ position }) => position ?? []);
  const refusals = [...found.refusals, ...read.flatMap(({ refusal }) => refusal ?? [])];
  if (positions.length === 0 && refusals.length === 0)
    refusals.push(`${rows.source} has no row of any shard`);
  const seen = found.shards.flatMap(({ row }) => number(row, 'ts') ?? []);
  return {
    program: 'async-kinesis',
    version: rows.key === undefined ? 'async-kinesis on Redis' : 'async-kinesis on DynamoDB',
    source: rows.source,
    positions: positions.toSorted((a, b) => (a.shardId < b.shardId ? -1 : 1)),
    movement: positions.map(({ movement }) => movement).join('\n'),
    expiryMs: EXPIRY_MS,
    isSilentWhenIdle: false,
    ...(seen.length === 0 ? {} : { lastSeenMs: Math.max(...seen) * 1000 }),
    // Redis keeps all keys.
    dropsFinishedShards: rows.key !== undefined,
    skipped: found.skipped,
    refusals,
  };
}

function rowsOfTable(rows: ForeignRows) {
  const wrong = wrongKey(rows, 'shard_id');
  if (wrong !== undefined) return { shards: [], skipped: [], refusals: [wrong] };
  const isOurs = rows.rows.some((row) => text(row, 'shard_id')?.includes('#'));
  if (isOurs) {
    const why = `${rows.source} is in use by a group of kcg already: give that table to the group as its own instead`;
    return { shards: [], skipped: [], refusals: [why] };
  }
  const shards: ShardRow[] = [];
  const refusals: string[] = [];
  for (const row of rows.rows) {
    const shardId = text(row, 'shard_id') ?? '';
    if (SHARD_ID.test(shardId)) shards.push({ name: shardId, shardId, row });
    else refusals.push(`${rows.source}: the row ${shardId} is of no shard`);
  }
  return { shards, skipped: [], refusals };
}

/** A name may have hyphens, and one may begin with another: the shard is read from the end. */
function rowsOfRedis({ rows, source }: ForeignRows, { group }: ForeignSelection) {
  const keys = rows.map((row) => {
    const key = text(row, 'key') ?? '';
    const [, name, shardId] = REDIS_KEY.exec(key) ?? [];
    return { key, name, shardId, value: text(row, 'value') };
  });
  const names = [...new Set(keys.flatMap(({ name }) => name ?? []))].toSorted();
  const chosen = group ?? names[0];
  const skipped = keys
    .filter(({ name }) => name === undefined || name !== chosen)
    .map(({ key, name }) => {
      const why = name === undefined ? 'it is no key of async-kinesis' : `it is of the group ${name}`;
      return { row: key, why };
    });
  if (group === undefined && names.length > 1) {
    const why = `${source} has the groups ${names.join(', ')}; name the one that is meant as group`;
    return { shards: [], skipped: [], refusals: [why] };
  }
  if (names.length > 0 && !names.includes(chosen!)) {
    const why = `${source} has no key of the group ${chosen}, only of ${names.join(', ')}`;
    return { shards: [], skipped: [], refusals: [why] };
  }
  const shards: ShardRow[] = [];
  const refusals: string[] = [];
  for (const { key, name, shardId, value } of keys) {
    if (name === undefined || name !== chosen) continue;
    const row = parseObject(value);
    if (row) shards.push({ name: key, shardId: shardId!, row });
    else refusals.push(`${source}: the key ${key} does not hold the JSON object that async-kinesis writes`);
  }
  return { shards, skipped, refusals };
}

function parseObject(value: string | undefined): ForeignRow | undefined {
  try {
    const parsed: unknown = JSON.parse(value ?? '');
    return isMap(parsed) ? (parsed as ForeignRow) : undefined;
  } catch {
    return undefined;
  }
}

function positionOf({ name, shardId, row }: ShardRow, source: string) {
  const wrong = wrongRow(row, { name, attributes: ['ref', 'sequence'], source });
  if (wrong !== undefined) return { refusal: wrong };
  const point = pointOf(row['sequence']);
  if (point === undefined) {
    return {
      refusal: `${source}: the sequence of ${name} is ${JSON.stringify(row['sequence'])}, which is no position`,
    };
  }
  const owner = text(row, 'ref');
  const position: ForeignPosition = {
    shardId,
    point,
    ...(owner === undefined ? {} : { owner }),
    movement: fingerprint(row, MOVING),
  };
  return { position };
}
