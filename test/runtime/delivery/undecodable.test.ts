import { describe, expect, test } from 'vitest';
import type { GivenUpBatch } from '../../../src/runtime/failure/failure-destination.ts';
import type { Batch, HandlerResult } from '../../../src/runtime/handlers/handler.ts';
import { ClassProgram } from '../../../src/runtime/handlers/shard-class.ts';
import type { ShardProcessor } from '../../../src/runtime/handlers/shard-types.ts';
import { PayloadError } from '../../../src/runtime/payload/payload-error.ts';
import type { Payloads } from '../../../src/runtime/payload/payloads.ts';
import { aReadShard } from './a-read-shard.ts';

/** The data of each record is its number, and this one is not of the format. */
const payloads = (poison: number): Payloads => ({
  format: 'Json',
  compression: 'None',
  open: undefined,
  decode: (data) => {
    const number = Number(String(data));
    if (number === poison) throw new PayloadError('its data is not JSON');
    return { number };
  },
});

function keeping() {
  const got: unknown[][] = [];
  const handle = async ({ records }: Batch): Promise<HandlerResult> => {
    got.push(records.map(({ value }) => (value as { number: number }).number));
    return { outcome: 'done' };
  };
  return { got, handle };
}

const reads = [['a', 'b', 'c', 'd'], ['e']];

describe('a record that cannot be decoded', () => {
  test('holds its shard when nothing may be given up, and what comes before it is done', async () => {
    const { got, handle } = keeping();
    const shard = aReadShard({ reads, payloads: payloads(3), handle });
    await shard.clock.advance(60_000);
    expect(got).toEqual([[1, 2]]);
    expect(shard.checkpoint()).toBe(2);
    expect(shard.told('HandlerFailed').length).toBeGreaterThan(3);
    expect(shard.told('HandlerFailed')[0]).toMatchObject({
      error: { message: 'the record 3 is not Json: its data is not JSON' },
    });
    await shard.end();
  });

  test('is given up alone, at once and without a call where attempts are bounded', async () => {
    const { got, handle } = keeping();
    const sent: GivenUpBatch[] = [];
    const destination = {
      name: 'SQS queue failed',
      send: async (batch: GivenUpBatch) => void sent.push(batch),
      close: async () => {},
    };
    const policy = { maxAttempts: 5 };
    const shard = aReadShard({ reads, policy, destination, payloads: payloads(3), handle });
    await shard.clock.advance(1_000);
    expect(got).toEqual([[1, 2], [4], [5]]);
    expect(sent).toMatchObject([
      {
        condition: 'RetryAttemptsExhausted',
        approximateInvokeCount: 0,
        isHandlerError: false,
        records: [{ sequence: '3', data: Buffer.from('3') }],
      },
    ]);
    expect(shard.checkpoint()).toBe(5);
    expect(shard.told('HandlerFailed')).toHaveLength(1);
    await shard.end();
  });

  test('holds its own lane alone', async () => {
    const { got, handle } = keeping();
    const shard = aReadShard({ reads, lanes: 4, payloads: payloads(3), handle });
    await shard.clock.advance(10_000);
    expect(got.flat().toSorted((a, b) => Number(a) - Number(b))).toEqual([1, 2, 4, 5]);
    await shard.end();
  });

  test.each([
    { checkpoints: 'auto' as const, checkpointsAt: [] as number[], position: 3 },
    {
      checkpoints: 'auto' as const,
      checkpointsAt: [] as number[],
      position: 3,
      policy: { maxRecordAgeMs: 60_000 },
    },
    { checkpoints: 'manual' as const, checkpointsAt: [1, 2], position: 3 },
    { checkpoints: 'manual' as const, checkpointsAt: [1], position: 1 },
    { checkpoints: 'manual' as const, checkpointsAt: [] as number[], position: 0 },
  ])(
    'is not given up again by the next owner of a class ($checkpoints, $checkpointsAt) that has done all before it',
    async ({ checkpoints, checkpointsAt, position, policy = { maxAttempts: 0 } }) => {
      class Orders implements ShardProcessor {
        static checkpoints = checkpoints;

        async process(...[{ records }, { checkpoint, signal }]: Parameters<ShardProcessor['process']>) {
          if (records[0]!.sequenceNumber === '4')
            await new Promise((_, reject) => signal.addEventListener('abort', reject));
          for (const record of records)
            if (checkpointsAt.includes(Number(record.sequenceNumber))) checkpoint(record);
        }
      }
      const shard = aReadShard({
        reads: [['a', 'b', 'c@-90000', 'd']],
        policy,
        payloads: payloads(3),
        handle: async () => ({ outcome: 'done' }),
        open: (context) =>
          new ClassProgram(
            { made: Orders, folder: '', clock: shard.clock, callOwn: async (_, call) => call() },
            context,
          ),
      });
      await shard.clock.advance(1_000);
      expect(shard.told('RecordsGivenUp')).toHaveLength(1);
      const drained = shard.consumer.drain(1_000);
      await shard.clock.advance(10_000);
      expect([await drained, shard.checkpoint()]).toEqual([{ as: 'drained' }, position]);
    },
  );
});
