/** Forwards each batch to a collector. Return: done. Throw: the batch comes again, and its shard waits. */
interface Batch {
  shardId: string;
  records: { partitionKey: string; sequenceNumber: string; text(): string }[];
}

interface Context {
  /** Aborts when this worker may no longer process the shard. */
  signal: AbortSignal;
}

export default async function forward(batch: Batch, { signal }: Context): Promise<void> {
  const url = process.env['COLLECTOR_URL'];
  if (!url) {
    process.stdout.write(`${batch.shardId}: ${batch.records.length} records\n`);
    return;
  }
  const records = batch.records.map((record) => ({ key: record.partitionKey, text: record.text() }));
  const body = JSON.stringify({ shardId: batch.shardId, pod: process.env['KCG_POD_NAME'], records });
  const response = await fetch(url, { method: 'POST', body, signal });
  if (!response.ok) throw new Error(`the collector answered ${response.status}`);
}
