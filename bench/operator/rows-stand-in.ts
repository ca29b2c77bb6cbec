import { Agent, request } from 'node:http';
import type { WorkerConfig } from '../../src/api/worker-config.ts';
import { encodeKey, encodeValue } from '../../src/leases/dynamodb/item.ts';
import { workerKey, type AttributeValue } from '../../src/leases/row.ts';
import { WORKER_TTL_SECONDS } from '../../src/leases/worker-row.ts';
import type { Clock } from '../../src/lib/clock.ts';

/** Told by it from the calls of the operator, which ask for nothing of the kind. */
export const STAND_IN_MARK = 'ReturnConsumedCapacity';

/** One worker's rows, as they are while nothing happens. */
export interface StandInWorker {
  config: Pick<WorkerConfig, 'groupId' | 'table' | 'leaseDurationMs'>;
  /** Pod name. */
  name: string;
  podUid: string;
  /** `ip:port`. */
  address: string;
  revision: number;
  shardIds: readonly string[];
}

export interface Beating extends StandInWorker {
  startedAt: number;
  beat: number;
  nextMs: number;
}

interface Put {
  table: string;
  item: Record<string, unknown>;
}

/** Of one BatchWriteItem. */
const PUTS_MAX = 25;
const LOOK_MS = 250;

/**
 * Writes the rows of many workers as theirs would look, and their beats: 25 in a call, as what workers cost is not measured
 * here. It writes no checkpoints: the streams are empty.
 */
export class RowsStandIn {
  readonly #clock: Clock;
  readonly #endpoint: URL;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 8 });
  readonly #workers = new Map<string, Beating>();

  constructor(clock: Clock, endpoint: string) {
    this.#clock = clock;
    this.#endpoint = new URL(endpoint);
  }

  get workers(): readonly StandInWorker[] {
    return [...this.#workers.values()];
  }

  /** Announces the workers of a group, each with its shards; those of before that are not among them are forgotten. */
  async begin(workers: readonly StandInWorker[]): Promise<void> {
    const now = this.#clock.now();
    const beating = workers.map((worker) => {
      const known = this.#workers.get(worker.podUid);
      const startedAt = known?.startedAt ?? now;
      return { ...worker, startedAt, beat: (known?.beat ?? 0) + 1, nextMs: this.#nextMs(worker) };
    });
    for (const worker of beating) this.#workers.set(worker.podUid, worker);
    await this.#put(beating.flatMap((worker) => [workerPut(worker, now), ...shardPuts(worker, now)]));
  }

  /** So many shards that nobody owns, read to their end. */
  async putEnded(config: Pick<WorkerConfig, 'groupId' | 'table'>, rows: number): Promise<void> {
    const row = { epoch: 1, sequence: 'SHARD_END', ts: 1, hash_start: '0', hash_end: '0' };
    const name = (index: number) => `shardId-${String(1_000_000 + index).padStart(12, '0')}`;
    await this.#put(Array.from({ length: rows }, (_, index) => put(config, name(index), row)));
  }

  /** Its beat stands still from now on. */
  end(podUid: string): void {
    this.#workers.delete(podUid);
  }

  /** Beats until `signal` aborts. */
  async run(signal: AbortSignal, onBeat: (worker: Beating) => void): Promise<void> {
    while (!signal.aborted) {
      const due = [...this.#workers.values()].filter(({ nextMs }) => nextMs <= this.#clock.monotonic());
      for (const worker of due) {
        worker.beat += 1;
        worker.nextMs = this.#nextMs(worker);
      }
      await this.#put(due.map((worker) => workerPut(worker, this.#clock.now()))).catch(() => {});
      due.forEach(onBeat);
      await this.#clock.sleep(LOOK_MS, { signal });
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #nextMs({ config }: StandInWorker): number {
    return this.#clock.monotonic() + config.leaseDurationMs / 3;
  }

  async #put(puts: readonly Put[]): Promise<void> {
    for (let from = 0; from < puts.length; from += PUTS_MAX) {
      const tables: Record<string, unknown[]> = {};
      for (const { table, item } of puts.slice(from, from + PUTS_MAX)) {
        (tables[table] ??= []).push({ PutRequest: { Item: item } });
      }
      await this.#call('BatchWriteItem', { RequestItems: tables, [STAND_IN_MARK]: 'NONE' });
    }
  }

  #call(operation: string, input: unknown): Promise<void> {
    const { hostname, port } = this.#endpoint;
    const headers = {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `DynamoDB_20120810.${operation}`,
      authorization: 'AWS4-HMAC-SHA256 Credential=stand-in/20260101/us-east-1/dynamodb/aws4_request',
    };
    return new Promise((resolve, reject) => {
      const options = { hostname, port, method: 'POST', path: '/', agent: this.#agent, headers };
      const call = request(options, (response) => {
        response.resume();
        response.on('end', () =>
          response.statusCode === 200
            ? resolve()
            : reject(new Error(`${operation}: ${String(response.statusCode)}`)),
        );
      });
      call.on('error', reject);
      call.end(JSON.stringify(input));
    });
  }
}

function workerPut(worker: Beating, nowMs: number): Put {
  const { config, name, podUid, address, revision, shardIds, startedAt, beat } = worker;
  return put(config, workerKey(name), {
    incarnation: incarnationOf(worker),
    beat,
    state: 'live',
    revision,
    knock: 0,
    address,
    pod_uid: podUid,
    node: 'stand-in',
    started_at: startedAt,
    held: shardIds.length,
    max_leases: 0,
    lease_ms: config.leaseDurationMs,
    lagging: {},
    ttl: Math.floor(nowMs / 1000) + WORKER_TTL_SECONDS,
  });
}

function shardPuts(worker: Beating, nowMs: number): Put[] {
  const seconds = Math.floor(nowMs / 1000);
  return worker.shardIds.map((shardId, index) =>
    put(worker.config, shardId, {
      ref: `${worker.name}/${incarnationOf(worker)}`,
      epoch: seconds,
      sequence: 'TRIM_HORIZON',
      ts: seconds,
      behind_ms: 0,
      read_at: nowMs,
      hash_start: String(index),
      hash_end: String(index),
    }),
  );
}

export function incarnationOf({ podUid }: StandInWorker): string {
  return podUid.slice(0, 8);
}

function put(
  { groupId, table }: Pick<WorkerConfig, 'groupId' | 'table'>,
  key: string,
  attributes: Readonly<Record<string, AttributeValue>>,
): Put {
  const values = Object.entries(attributes).map(([name, value]) => [name, encodeValue(value)]);
  return { table, item: { ...encodeKey(key, groupId), ...Object.fromEntries(values) } };
}
