import { isDeepStrictEqual } from 'node:util';
import { RESTARTED_AT_ANNOTATION, REVISION_ANNOTATION } from '../../src/api/labels.ts';
import { decodeWorkerConfig, WORKER_CONFIG_ENV, type WorkerConfig } from '../../src/api/worker-config.ts';
import { isOpen, parentsOf, type Shard } from '../../src/kinesis/shard.ts';
import type { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';
import { decodeClaim, resetUnderWay } from '../../src/leases/claim.ts';
import { parseRef } from '../../src/leases/lease.ts';
import type { MemoryLeaseTable } from '../../src/leases/memory/lease-table.ts';
import { CLAIM_KEY, text, WORKER_PREFIX, type Row } from '../../src/leases/row.ts';
import { KINDS, type StoredObject } from '../../src/kubernetes/cluster.ts';
import type { MemoryCluster } from '../../src/kubernetes/memory/cluster.ts';
import type { Clock } from '../../src/lib/clock.ts';

export interface WorkerSurroundings {
  clock: Clock;
  cluster: MemoryCluster;
  kinesis: MemoryKinesis;
  /** The rows of all groups in all tables. */
  groups: () => { table: string; groupId: string; rows: MemoryLeaseTable }[];
}

/**
 * What the workers of all pods would have written by now: live rows of those that are ready, none of those that ended cleanly,
 * and shards dealt out by name, so that the same pods end with the same shards, whatever they went through.
 */
export async function runWorkers(around: WorkerSurroundings): Promise<void> {
  const running = (await around.cluster.list(KINDS.pod)).filter((pod) => phaseOf(pod) === 'Running');
  const workers = running.flatMap((pod) => {
    const config = configOf(pod);
    return config ? [{ pod, config }] : [];
  });
  for (const { table, groupId, rows } of around.groups()) {
    const mine = workers.filter(({ config }) => config.table === table && config.groupId === groupId);
    runGroup(around, rows, mine);
  }
}

interface Worker {
  pod: StoredObject;
  config: WorkerConfig;
}

function runGroup(around: WorkerSurroundings, table: MemoryLeaseTable, workers: readonly Worker[]): void {
  const names = workers.map(({ pod }) => pod.metadata.name).sort();
  const nowMs = around.clock.now();
  for (const row of table.rows()) {
    const worker = row.shard_id.startsWith(WORKER_PREFIX) && row.shard_id.slice(WORKER_PREFIX.length);
    if (worker !== false && !names.includes(worker)) table.store(row.shard_id, undefined);
    const owner = parseRef(text(row, 'ref') ?? '').worker;
    if (owner && !names.includes(owner) && row['sequence'] !== 'SHARD_END') {
      const { ref: _, ...free } = row;
      table.store(row.shard_id, free);
    }
  }
  for (const { pod } of workers) beat(table, pod, nowMs);
  const [worker] = workers;
  if (worker)
    dealOut(table, { shards: around.kinesis.listShards(worker.config.stream.name).shards, names, nowMs });
}

function dealOut(
  table: MemoryLeaseTable,
  { shards, names, nowMs }: { shards: readonly Shard[]; names: readonly string[]; nowMs: number },
): void {
  const rows = new Map(table.rows().map((row) => [row.shard_id, row]));
  const claim = rows.get(CLAIM_KEY);
  const known = claim && decodeClaim(claim);
  // Positions that are moved are nobody's.
  const isPaused = !known || known.paused || resetUnderWay(known) !== undefined;
  const isEnded = (id: string) => rows.get(id)?.['sequence'] === 'SHARD_END';
  const open = shards.filter(isOpen);
  for (const shard of shards) {
    const { shardId, hashStart, hashEnd } = shard;
    const parents = parentsOf(shard);
    const row = rows.get(shardId);
    if (isEnded(shardId)) continue;
    const isReadable = parents.every((id) => isEnded(id) || !rows.has(id));
    const { ref, ...free }: Row = row ?? { shard_id: shardId, sequence: 'TRIM_HORIZON' };
    const owner = names[Math.max(0, open.indexOf(shard)) % names.length];
    const next: Row = {
      epoch: 1,
      ...free,
      hash_start: hashStart,
      hash_end: hashEnd,
      ...(parents.length > 0 ? { parents } : {}),
      ...(isPaused || !isReadable ? {} : { ref: `${owner}/a`, ...readNow(row, nowMs) }),
      // A closed shard that has an owner is read to its end in the next step.
      ...(!isOpen(shard) && ref !== undefined && !isPaused ? { sequence: 'SHARD_END' } : {}),
    };
    if (!isDeepStrictEqual(next, row)) table.store(shardId, next);
  }
}

/** Nothing comes in, and every few seconds that is seen. */
function readNow(known: Row | undefined, nowMs: number): Record<string, number> {
  const readAt = Number(known?.['read_at'] ?? 0);
  const at = nowMs - readAt < BEAT_MS ? readAt : nowMs;
  return { read_at: at, ts: Math.floor(at / 1_000), behind_ms: 0 };
}

const BEAT_MS = 5_000;

function beat(table: MemoryLeaseTable, { metadata }: StoredObject, nowMs: number): void {
  const key = `${WORKER_PREFIX}${metadata.name}`;
  const known = table.rows().find(({ shard_id }) => shard_id === key);
  const { annotations = {} } = metadata;
  const restartedAt = Date.parse(annotations[RESTARTED_AT_ANNOTATION] ?? '') || 0;
  // One that was fenced begins a new life.
  const isSame = known?.['pod_uid'] === metadata.uid && known['state'] !== 'dead';
  if (isSame && nowMs - Number(known['ttl']) < BEAT_MS) return;
  table.store(key, {
    shard_id: key,
    incarnation: 'a',
    state: 'live',
    revision: Number(annotations[REVISION_ANNOTATION] ?? 0),
    restarted_at: restartedAt,
    address: '',
    pod_uid: metadata.uid,
    started_at: isSame ? Number(known['started_at']) : nowMs,
    lagging: {},
    beat: isSame ? Number(known['beat']) + 1 : 1,
    ttl: nowMs,
  });
}

function configOf(pod: StoredObject): WorkerConfig | undefined {
  const { containers = [] } = (pod.spec ?? {}) as {
    containers?: { env?: { name: string; value?: string }[] }[];
  };
  const found = containers.flatMap(({ env }) => env ?? []).find(({ name }) => name === WORKER_CONFIG_ENV);
  return found && decodeWorkerConfig(found.value);
}

function phaseOf({ status }: StoredObject): unknown {
  return (status as { phase?: unknown } | undefined)?.phase;
}
