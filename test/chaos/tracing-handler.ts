import { readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Batch, Context } from '../../src/runtime/handlers/module-types.ts';

/*
 * Says on stdout when each batch began, was aborted and ended, between the worker's own lines: so it is known in which
 * ownership of the shard it was. `process.hrtime` counts for all processes of a machine from the same moment.
 */

const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

/** Makes each line as long. */
const noise = 'x'.repeat(Number(process.env['CHAOS_NOISE'] ?? 0));

export default async function forward({ shardId, records }: Batch, { signal, log }: Context): Promise<void> {
  const beganMs = nowMs();
  const blockMs = takeBlock();
  log.info('batch began', { beganMs, last: records.at(-1)?.sequenceNumber, blocked: blockMs > 0, noise });
  signal.addEventListener('abort', () => log.info('batch aborted', { beganMs, endedMs: nowMs() }), {
    once: true,
  });
  while (nowMs() < beganMs + blockMs); // nothing else runs in this process meanwhile
  await sleep(Number(process.env['CHAOS_PREPARE_MS'] ?? 0));
  const body = JSON.stringify({
    shardId,
    pod: process.env['KCG_POD_NAME'],
    records: records.map((record) => ({ key: record.partitionKey, text: record.text() })),
  });
  const response = await fetch(process.env['COLLECTOR_URL']!, { method: 'POST', body, signal });
  if (!response.ok) throw new Error(`the collector answered ${response.status}`);
  await sleep(Number(process.env['CHAOS_WORK_MS'] ?? 0));
  log.info('batch ended', { beganMs, endedMs: nowMs() });
}

/** How long this batch has to hold up the whole process, as somebody has written for one batch. */
function takeBlock(): number {
  const file = process.env['CHAOS_BLOCK_FILE'];
  if (!file) return 0;
  try {
    const ms = Number(readFileSync(file, 'utf8'));
    rmSync(file);
    return ms;
  } catch {
    return 0;
  }
}
