import type { WorkerConfig } from '../../src/api/worker-config.ts';
import type { UserRecord } from '../../src/kinesis/record.ts';
import type { GivenUpBatch } from '../../src/runtime/failure/failure-destination.ts';

/** Machines' clocks are off by so much at most, ms. */
const SKEW_MS = 25_000;

/** What the handler failed, and so whether what is given up may be. */
export class FailedAttempts {
  readonly #policy: WorkerConfig['retry'];
  /** Failed calls of one life of a worker with a record. */
  readonly #failures = new Map<string, number>();
  /** By worker, shard and lane: the batch that is tried, and how often it was. */
  readonly #tries = new Map<string, { batch: string; tries: number }>();

  constructor(policy: WorkerConfig['retry']) {
    this.#policy = policy;
  }

  /** Calls with these have failed, and the first of them is one that did. */
  failed(ref: string, records: readonly UserRecord[]): void {
    for (const { sequence } of records) {
      const key = `${ref} ${sequence}`;
      this.#failures.set(key, (this.#failures.get(key) ?? 0) + 1);
    }
  }

  /** What is wrong with handing these over, if anything. `attempt`: 1 = for the first time. `nowMs`: by the stream's clock. */
  tried(lane: string, records: readonly UserRecord[], attempt: number, nowMs: number): string | undefined {
    const { maxAttempts, maxRecordAgeMs } = this.#policy;
    const batch = `${records[0]!.sequence} ${records.length}`;
    const before = this.#tries.get(lane);
    const tries = attempt > 1 && before?.batch === batch ? before.tries + 1 : 1;
    this.#tries.set(lane, { batch, tries });
    if (maxAttempts >= 0 && tries > 1 + maxAttempts) return `a batch is tried ${tries} times`;
    const isOld = ({ arrivedAt }: UserRecord) => nowMs - arrivedAt > maxRecordAgeMs + SKEW_MS;
    return maxRecordAgeMs >= 0 && records.some(isOld) ? 'a record is tried that is too old' : undefined;
  }

  /** What is wrong with giving these up, if anything. `nowMs`: by the stream's clock. */
  givenUp(ref: string, { records, condition }: GivenUpBatch, nowMs: number): string | undefined {
    const { maxAttempts, maxRecordAgeMs, bisectOnError } = this.#policy;
    if (condition === 'RecordAgeExceeded') {
      const young = records.find(({ arrivedAt }) => nowMs - arrivedAt < maxRecordAgeMs - SKEW_MS);
      return maxRecordAgeMs < 0 || young ? 'a record is given up that is not too old' : undefined;
    }
    if (maxAttempts < 0) return 'a record is given up though it is to be tried for ever';
    if (bisectOnError && records.length > 1) return `${records.length} records are given up together`;
    const failures = this.#failures.get(`${ref} ${records[0]!.sequence}`) ?? 0;
    return failures <= maxAttempts ? `a record is given up that has failed ${failures} times` : undefined;
  }
}
