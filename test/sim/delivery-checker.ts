import { compareCheckpoints } from '../../src/kinesis/position.ts';
import { decodeLease, isEnded, type Lease } from '../../src/leases/lease.ts';
import type { MemoryLeaseTable } from '../../src/leases/memory-lease-table.ts';
import { workerKey, type Row } from '../../src/leases/row.ts';
import type { RowWrite, WriteResult } from '../../src/leases/row-write.ts';
import { decodeWorker } from '../../src/leases/worker-row.ts';
import type { Batch } from '../../src/runtime/handlers/handler.ts';

/** What must hold at every step, whatever happens. A violation throws, with the step in the trace. */
export class DeliveryChecker {
  readonly #table: () => MemoryLeaseTable;
  /** Numbers put, per key. */
  readonly #produced = new Map<string, number>();
  /** The greatest number processed so far, per key. */
  readonly #processed = new Map<string, number>();
  readonly #violations: string[] = [];
  duplicates = 0;
  deliveries = 0;

  constructor(table: () => MemoryLeaseTable) {
    this.#table = table;
  }

  get violations(): readonly string[] {
    return this.#violations;
  }

  produced(key: string, number: number): void {
    this.#produced.set(key, number);
  }

  /** One owner delivers at a time: at the moment a batch is handed over, the table says that it is this incarnation. */
  delivery(worker: string, incarnation: string, batch: Batch): void {
    this.deliveries += 1;
    const rows = new Map(
      this.#table()
        .rows()
        .map((row) => [row.shard_id, row]),
    );
    const lease = decodeLease(rows.get(batch.shardId)!);
    const ref = `${worker}/${incarnation}`;
    if (lease.owner !== ref) this.#fail(`${ref} delivers ${batch.shardId}, owned by ${lease.owner}`);
    const workerRow = rows.get(workerKey(worker));
    const own = workerRow && decodeWorker(workerRow);
    if (own?.incarnation !== incarnation || own.state === 'dead') {
      this.#fail(`${ref} delivers ${batch.shardId} though it is dead`);
    }
    for (const parent of lease.parents) {
      const row = rows.get(parent);
      if (row && !isEnded(decodeLease(row)))
        this.#fail(`${batch.shardId} is read before its parent ${parent} has ended`);
    }
  }

  /** In order per key: nothing is skipped. What was processed before may come again. */
  processed(worker: string, batch: Batch, count: number): void {
    for (const record of batch.records.slice(0, count)) {
      const number = Number(Buffer.from(record.data).toString());
      const last = this.#processed.get(record.partitionKey) ?? 0;
      if (number > last + 1) {
        this.#fail(`${worker} processed ${record.partitionKey}/${number} right after ${last}`);
      }
      if (number <= last) this.duplicates += 1;
      this.#processed.set(record.partitionKey, Math.max(last, number));
    }
  }

  /** Epochs and checkpoints only go forward. */
  write(write: RowWrite, before: Row | undefined, result: WriteResult): void {
    if (before === undefined || result.row === undefined || result.outcome === 'lost') return;
    if (write.key.includes('#')) return;
    const [old, next]: [Lease, Lease] = [decodeLease(before), decodeLease(result.row)];
    if (next.epoch < old.epoch) this.#fail(`${write.name} of ${write.key}: the epoch went back`);
    if (compareCheckpoints(next.checkpoint, old.checkpoint) < 0) {
      this.#fail(`${write.name} of ${write.key}: the checkpoint went back`);
    }
  }

  lost(): string[] {
    return [...this.#produced]
      .filter(([key, number]) => (this.#processed.get(key) ?? 0) < number)
      .map(([key, number]) => `${key}: ${this.#processed.get(key) ?? 0} of ${number} processed`);
  }

  #fail(violation: string): void {
    this.#violations.push(violation);
  }
}
