import type { WorkerConfig } from '../../src/api/worker-config.ts';
import type { UserRecord } from '../../src/kinesis/record.ts';
import type { Batch } from '../../src/runtime/handlers/handler.ts';
import type { BegunBatch } from '../../src/leases/unfinished.ts';
import type { GivenUpBatch } from '../../src/runtime/failure/failure-destination.ts';

/** Machines' clocks are off by so much at most, ms. */
const SKEW_MS = 25_000;

/** What the handler failed, and so whether what is given up may be. */
export class FailedAttempts {
  readonly #policy: WorkerConfig['retry'];
  /** Failed calls with a record, by its sequence number. */
  readonly #failures = new Map<string, number>();
  /** By shard, calls whose end no row knows: they are at work, or were when their worker ended, or before it could say more. */
  readonly #calls = new Map<string, Set<Batch & { ref: string; isBack: boolean }>>();
  /** By worker, shard and lane: the batch that is tried, and how often it was. */
  readonly #tries = new Map<string, { batch: string; tries: number }>();

  /** By life and record: batches that a row shows as begun, by what was known of them; and their calls. */
  readonly #noted = new Map<string, Set<number>>();
  readonly #called = new Map<string, number>();
  /** What was given up only as workers had ended on it. */
  afterEndings = 0;

  constructor(policy: WorkerConfig['retry']) {
    this.#policy = policy;
  }

  /** A call begins; it comes back when its worker lives to see that. */
  begins(ref: string, batch: Batch): { comesBack(): void } {
    const call = { ...batch, ref, isBack: false };
    const calls = this.#callsOn(batch.shardId);
    calls.add(call);
    const key = keyOf(ref, batch.records[0]!);
    this.#called.set(key, (this.#called.get(key) ?? 0) + 1);
    return {
      comesBack: () => {
        call.isBack = true;
        if (!this.#noted.has(key)) calls.delete(call);
      },
    };
  }

  /** What an owner's write leaves in its row: who ends before the call, or before the next write, leaves that. */
  shows(ref: string, shardId: string, begun: BegunBatch | undefined): void {
    if (begun) {
      const key = keyOf(ref, begun);
      this.#noted.set(key, (this.#noted.get(key) ?? new Set()).add(begun.calls));
    }
    const calls = this.#callsOn(shardId);
    for (const call of calls)
      if (call.ref === ref && call.isBack && call.records[0]!.sequence !== begun?.sequence)
        calls.delete(call);
  }

  #callsOn(shardId: string) {
    const calls = this.#calls.get(shardId) ?? new Set();
    this.#calls.set(shardId, calls);
    return calls;
  }

  /** Calls with these have failed, and the first of them is one that did. */
  failed(records: readonly UserRecord[]): void {
    for (const { sequence } of records) this.#failures.set(sequence, (this.#failures.get(sequence) ?? 0) + 1);
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
  givenUp(ref: string, { shardId, records, condition }: GivenUpBatch, nowMs: number): string | undefined {
    const { maxAttempts, maxRecordAgeMs, bisectOnError } = this.#policy;
    if (condition === 'RecordAgeExceeded') {
      const young = records.find(({ arrivedAt }) => nowMs - arrivedAt < maxRecordAgeMs - SKEW_MS);
      return maxRecordAgeMs < 0 || young ? 'a record is given up that is not too old' : undefined;
    }
    if (maxAttempts < 0) return 'a record is given up though it is to be tried for ever';
    if (bisectOnError && records.length > 1) return `${records.length} records are given up together`;
    const { sequence } = records[0]!;
    const endedOnIt = [...this.#callsOn(shardId)].filter(
      (call) => call.ref !== ref && call.records.some((record) => record.sequence === sequence),
    );
    const failed = this.#failures.get(sequence) ?? 0;
    const failures = failed + endedOnIt.length + this.#neverCalled(ref, sequence);
    if (failed <= maxAttempts && failures > maxAttempts) this.afterEndings += 1;
    return failures <= maxAttempts ? `a record is given up that has failed ${failures} times` : undefined;
  }

  /** Lives other than this that ended between noting a batch of this record and calling it. */
  #neverCalled(ref: string, sequence: string): number {
    const lives = [...this.#noted].filter(
      ([key, { size }]) =>
        key.endsWith(` ${sequence}`) && !key.startsWith(`${ref} `) && size > (this.#called.get(key) ?? 0),
    );
    return lives.length;
  }
}

function keyOf(ref: string, { sequence }: Pick<UserRecord, 'sequence'>): string {
  return `${ref} ${sequence}`;
}
