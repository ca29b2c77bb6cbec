import { gunzipSync } from 'node:zlib';
import { KINDS, keyOf, keyString } from '../../src/kubernetes/cluster.ts';
import { CLAIM_KEY, WORKER_PREFIX, type Row } from '../../src/leases/row.ts';
import type { Site } from './site.ts';

/** Other moments, other uids: nothing that says what there is. Hashes are of both. */
const MOMENT = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z\b|\b1[789]\d{8}(\d{3}(\.\d+)?)?\b/g;
const UID = /\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b/g;
// How a failover went is told by whoever saw all of it.
const OF_ITS_OWN = new Set(['resourceVersion', 'uid', 'kcg.dev/content-hash', 'createdAt', 'lastFailover']);
/** Of a row: when, how often, and by which attempt. */
export const OF_THE_WAY = new Set([
  'epoch',
  'beat',
  'ts',
  'ttl',
  'started_at',
  'claimed_at',
  'pod_uid',
  'read_at',
]);

const SHOWN = [
  KINDS.consumerGroup,
  KINDS.offsetReset,
  KINDS.deployment,
  KINDS.podDisruptionBudget,
  KINDS.pod,
];

/**
 * All that there is at the end, as text that is the same for the same things, line by line: the objects of Kubernetes, tables with
 * their settings and rows, and stream consumers.
 */
export async function endState(site: Site): Promise<string[]> {
  const lines: string[] = [];
  const uids = new Map<string, string>();
  for (const kind of SHOWN) {
    for (const object of await site.cluster.list(kind)) {
      uids.set(object.metadata.uid, `uid of ${kind.kind} ${keyString(keyOf(object))}`);
      lines.push(`${kind.kind} ${keyString(keyOf(object))} ${textOf(less(object, OF_ITS_OWN))}`);
    }
  }
  for (const [name, table] of site.tables.tables) {
    lines.push(`table ${name} ${textOf(less(table, OF_ITS_OWN))}`);
  }
  for (const { table, groupId, rows } of site.groups())
    for (const row of rows.rows())
      lines.push(`row ${table} ${groupId} ${row.shard_id} ${textOf(rowState(row))}`);
  for (const name of site.kinesis.listStreams()) {
    const { consumers } = site.kinesis.stream(name);
    for (const consumer of consumers.list(site.clock.now()))
      lines.push(`consumer of ${name} ${consumer.name} ${consumer.status}`);
  }
  for (const [thing, times] of site.made) lines.push(`made ${thing} ${times} times`);
  return lines.map((line) => withoutMoments(line, uids)).sort();
}

/** What a state has otherwise than the wanted one; empty = nothing. */
export function unlike(wanted: readonly string[], state: readonly string[]): string[] {
  return [
    ...wanted.filter((line) => !state.includes(line)).map((line) => `missing: ${line}`),
    ...state.filter((line) => !wanted.includes(line)).map((line) => `too much: ${line}`),
  ];
}

function rowState(row: Row): unknown {
  if (row.shard_id === CLAIM_KEY || row.shard_id.startsWith(WORKER_PREFIX)) return less(row, OF_THE_WAY);
  // A snapshot is packed, and says when it was taken.
  const { data } = row;
  const unpacked =
    typeof data === 'string' ? { data: gunzipSync(Buffer.from(data, 'base64')).toString() } : {};
  // Whether a row goes by itself one day counts, not when.
  return { ...(less(row, OF_THE_WAY) as object), ...unpacked, expires: row['ttl'] !== undefined };
}

export function withoutMoments(line: string, uids: ReadonlyMap<string, string>): string {
  let text = line.replaceAll(MOMENT, '<moment>');
  for (const [uid, name] of uids) text = text.replaceAll(uid, name);
  return text.replaceAll(UID, 'uid of what is gone');
}

export function less(value: unknown, keys: ReadonlySet<string>): unknown {
  if (Array.isArray(value)) return value.map((item) => less(item, keys));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([key]) => !keys.has(key));
  return Object.fromEntries(entries.map(([key, item]) => [key, less(item, keys)]));
}

export function textOf(value: unknown): string {
  return JSON.stringify(sorted(value));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}

const KINDS_OF_LINES: readonly [RegExp, string][] = [
  [/^KinesisConsumerGroup /, 'group'],
  [/^KinesisOffsetReset /, 'reset'],
  [/^Deployment /, 'workload'],
  [/^Pod /, 'pod'],
  [/^table /, 'table'],
  [/^row \S+ \S+ group#claim/, 'claim'],
  [/^row \S+ \S+ import#/, 'import'],
  [/^row \S+ \S+ worker#/, 'worker'],
  [/^row \S+ \S+ shardId-/, 'shard'],
  [/^consumer /, 'stream consumer'],
];

/** What kinds of things a state shows, one word a thing. */
export function kindsOf(end: readonly string[]): string[] {
  return end.flatMap((line) => KINDS_OF_LINES.find(([pattern]) => pattern.test(line))?.[1] ?? []);
}
