import type { MemoryKinesis } from '../../kinesis/memory/stream.ts';
import type { Clock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import { randomInt, type Random } from '../../lib/random.ts';
import type { DeliveryTally } from './delivery-tally.ts';

export interface ProducerOptions {
  kinesis: MemoryKinesis;
  stream: string;
  tally: DeliveryTally;
  clock: Clock;
  random: Random;
  /** Put every 100 ms, so rounded to tens; 10 at least. */
  recordsPerSecond: number;
  keys: number;
}

const TICK_MS = 100;

/** Puts numbered records of many keys at an even pace until `signal` aborts; a refused record is put again. */
export async function produce(options: ProducerOptions, signal: AbortSignal): Promise<void> {
  const { kinesis, stream, tally, clock, random, recordsPerSecond, keys } = options;
  const perTick = Math.max(1, Math.round((recordsPerSecond * TICK_MS) / 1_000));
  while (!signal.aborted) {
    for (let i = 0; i < perTick; i += 1) {
      const partitionKey = `customer-${randomInt(random, keys)}`;
      const data = Buffer.from(String(tally.produce(partitionKey)));
      for (let put = false; !put;) {
        try {
          kinesis.putRecord(stream, { partitionKey, data });
          put = true;
        } catch (thrown) {
          // A number once drawn has to be put, or it would count as lost.
          if (KcgError.from(thrown).code !== 'Throttled') throw thrown;
          await clock.sleep(TICK_MS);
        }
      }
    }
    await clock.sleep(TICK_MS, { signal });
  }
}
