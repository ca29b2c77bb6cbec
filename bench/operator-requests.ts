import { KINDS } from '../src/kubernetes/cluster.ts';
import { groupObject, Harness } from '../test/operator/reconcile-harness.ts';
import { Counter, countTable, type Counts } from './count-requests.ts';

const MINUTES = 10;

/** What the real operator asks of the rows of a group whose workers all live, per minute. */
export async function operatorRequests(shards: number): Promise<Counts> {
  const operator = new Harness();
  operator.kinesis.createStream({ name: 'orders', shardCount: shards });
  operator.cluster.create(KINDS.consumerGroup, groupObject());
  await operator.converge();
  await operator.runWorkers();
  await operator.converge();
  const requests = new Counter();
  const table = operator.table();
  countTable(table, { requests, bytesRead: new Counter() });
  const endMs = operator.clock.monotonic() + MINUTES * 60_000;
  for (let beat = 2; operator.clock.monotonic() < endMs; beat += 1) {
    for (const row of table.rows()) if ('beat' in row) table.store(row.shard_id, { ...row, beat });
    const inMs = (await operator.reconcile()) ?? 60_000;
    await operator.clock.advance(inMs);
  }
  operator.close();
  return requests.per(MINUTES);
}
