import { DynamoDbFailure } from './failure.ts';

/** Changes of a table that the service allows only so often. */
export type LimitedChange = 'tableClass' | 'encryption' | 'onDemand' | 'decrease';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

interface Limit {
  /** Changes before it do not count. */
  since: (nowMs: number) => number;
  /** So many at any time, then one each `thenEveryMs`; none without. */
  free: number;
  thenEveryMs?: number;
  message: (past: readonly number[], nextMs: number, nowMs: number) => string;
}

/*
 * Sources: DynamoDB Developer Guide, "Quotas" (throughput decreases, table classes, encryption) and "Considerations when
 * switching capacity modes"; the messages are the service's where they have been seen.
 */
const LIMITS: Readonly<Record<LimitedChange, Limit>> = {
  tableClass: {
    since: (nowMs) => nowMs - 30 * DAY_MS,
    free: 2,
    message: () => 'Updates to TableClass are limited to 2 times in 30 day(s).',
  },
  encryption: {
    since: (nowMs) => nowMs - DAY_MS,
    free: 4,
    thenEveryMs: 6 * HOUR_MS,
    message: (past, nextMs, nowMs) =>
      `Encryption mode changes are limited in the 24h window ending at ${iso(nowMs)}. After the first 4 change, each subsequent change in the same window can be performed at most once every 21600 seconds. Number of updates today: ${past.length}. Last change at ${iso(past.at(-1))}. Next changes can be made at ${iso(nextMs)}.`,
  },
  onDemand: {
    since: (nowMs) => nowMs - DAY_MS,
    free: 4,
    message: (past) =>
      `Update to PayPerRequest mode are limited to 4 times in 1 day(s). Last update at ${iso(past.at(-1))}.`,
  },
  decrease: {
    since: (nowMs) => nowMs - (nowMs % DAY_MS),
    free: 4,
    thenEveryMs: HOUR_MS,
    message: (past, nextMs) =>
      `Provisioned throughput decreases are limited within a given UTC day. After the first 4 decreases, each subsequent decrease in the same UTC day can be performed at most once every 3600 seconds. Number of decreases today: ${past.length}. Last decrease at ${iso(past.at(-1))}. Next decrease can be made at ${iso(nextMs)}`,
  },
};

/** What has been changed of one table. */
export class ChangeLimits {
  readonly #past = new Map<LimitedChange, number[]>();

  /** Counts one more. @throws DynamoDbFailure LimitExceededException */
  take(change: LimitedChange, nowMs: number): void {
    const { since, free, thenEveryMs = Infinity, message } = LIMITS[change];
    const past = (this.#past.get(change) ?? []).filter((atMs) => atMs >= since(nowMs));
    const nextMs = (past.at(-1) ?? 0) + thenEveryMs;
    if (past.length < free || nowMs >= nextMs) return void this.#past.set(change, [...past, nowMs]);
    throw new DynamoDbFailure(
      'LimitExceededException',
      `Subscriber limit exceeded: ${message(past, nextMs, nowMs)}`,
    );
  }
}

const iso = (ms = 0) => new Date(ms).toISOString();
