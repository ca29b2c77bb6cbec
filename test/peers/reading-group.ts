import type { UserRecord } from '../../src/kinesis/record.ts';
import type { Shard } from '../../src/kinesis/shard.ts';
import { decodeRows } from '../../src/leases/group-rows.ts';
import type { Lease } from '../../src/leases/lease.ts';
import type { Row } from '../../src/leases/row.ts';
import type { Batch, HandlerResult } from '../../src/runtime/handlers/handler.ts';
import { AGroup, type OneWorker, type WorkerChanges } from '../runtime/a-group.ts';

export const SHARDS = Array.from({ length: 12 }, (_, i) => `shardId-${String(i).padStart(12, '0')}`) as [
  string,
  string,
  string,
  string,
  string,
  string,
];
export const textOf = ({ data }: UserRecord): string => Buffer.from(data).toString();

/** A group whose workers keep what they process, in order. */
export class ReadingGroup extends AGroup {
  /** `<last digit of the shard>:<text>`. */
  readonly processed: string[] = [];
  /** What becomes of a batch; it counts as processed when this says so. */
  handle: (batch: Batch, signal: AbortSignal) => Promise<HandlerResult> | HandlerResult = () => ({
    outcome: 'done',
  });

  reader(name: string, changes: WorkerChanges = {}): OneWorker {
    const handle = async (batch: Batch, { signal }: { signal: AbortSignal }): Promise<HandlerResult> => {
      const result = await this.handle(batch, signal);
      const count = result.outcome === 'done' ? batch.records.length : 0;
      for (const record of batch.records.slice(0, count))
        this.processed.push(`${batch.shardId.slice(-1)}:${textOf(record)}`);
      return result;
    };
    return this.start(name, { ...changes, handler: { handle, ...changes.handler } });
  }

  /** In the middle. */
  override split(shardId: string): void {
    const { hashStart, hashEnd } = this.kinesis.stream('orders').shard(shardId).describe();
    this.kinesis.splitShard('orders', shardId, String((BigInt(hashStart) + BigInt(hashEnd)) / 2n + 1n));
  }

  openShards(): Shard[] {
    return this.kinesis.listShards('orders', { filter: { type: 'AT_LATEST' } }).shards;
  }

  lease(shardId: string): Lease | undefined {
    return decodeRows(this.table.rows()).leases.find((lease) => lease.shardId === shardId);
  }

  row(shardId: string): Row | undefined {
    return this.table.rows().find((row) => row.shard_id === shardId);
  }
}

export const eventsOf = ({ events }: OneWorker, type: string): OneWorker['events'] =>
  events.filter((event) => event.type === type);
