import { openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Batch, BatchResult, Context } from '../../src/runtime/handlers/module-types.ts';
import { recordOf } from './key-account.ts';

/* Forwards records, and fails with poison as the poison says. Leaks when told to, to see that the soak notices. */

const kept: unknown[] = [];

/** Not by batches: how many a worker gets, others decide. */
function leak(): void {
  kept.push(Buffer.alloc(1_000_000, 1 + (kept.length & 0x7f)), openSync('/dev/null', 'r'));
}

// Left alone, what is garbage can stay for a minute and more, and looks like growth.
setInterval(() => globalThis.gc?.(), 5_000).unref();
if (process.env['SOAK_LEAK']) setInterval(leak, 500).unref();

export default async function forward(batch: Batch, { signal }: Context): Promise<BatchResult> {
  const records = batch.records.map((record) => recordOf(record.partitionKey, record.text()));
  const poison = records.findIndex(({ kind }) => kind !== 'fine');
  if (records[poison]?.kind === 'throws') throw new Error('poison');
  if (records[poison]?.kind === 'hangs') await sleep(600_000, undefined, { signal });
  const fine = poison < 0 ? records : records.slice(0, poison);
  if (fine.length > 0) {
    const body = JSON.stringify({ by: process.env['KCG_POD_NAME'], records: fine });
    const response = await fetch(process.env['COLLECTOR_URL']!, { method: 'POST', body, signal });
    if (!response.ok) throw new Error(`the collector answered ${response.status}`);
    await response.arrayBuffer();
  }
  const failed = batch.records[poison];
  return { batchItemFailures: failed ? [{ itemIdentifier: failed.sequenceNumber }] : [] };
}
