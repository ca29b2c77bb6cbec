import { expect, it } from 'vitest';
import { createLog } from '../../../src/lib/log.ts';
import { logHandler } from '../../../src/runtime/handlers/log-handler.ts';
import { aBatch, aContext, aRecord } from './a-batch.ts';

it('logs one line a batch, with counts and the shard and without record data', async () => {
  const lines: string[] = [];
  const log = createLog('info', (line) => lines.push(line)).child({ shardId: 'shardId-000000000007' });
  const batch = aBatch(
    aRecord('1', { data: Buffer.from('secret') }),
    aRecord('2', { data: Buffer.from('x') }),
  );
  expect(await logHandler.handle(batch, aContext({ log }))).toEqual({ outcome: 'done' });
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    {
      level: 'info',
      time: expect.any(String),
      message: 'batch',
      shardId: 'shardId-000000000007',
      records: 2,
      bytes: 7,
      millisBehindLatest: 1500,
    },
  ]);
});
