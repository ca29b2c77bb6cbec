import { costOf, moneyOf, type CostInput } from './cost.ts';
import type { Prices } from './prices.ts';

export interface Saving {
  /** What to change, with what it costs otherwise. */
  change: string;
  dollarsPerMonth: number;
}

/** Seconds of leases and between checkpoints, to which they may be raised without much thought. */
const LONG_SECONDS = 60;
/** Less than this share of what the group costs is not worth a thought. */
const LEAST_SHARE = 0.05;

/** What would make the group cheaper, each change by itself, the greatest first. */
export function savingsOf(input: CostInput, prices: Prices): Saving[] {
  const now = dollarsOf(input, prices);
  return changes(input)
    .map(({ change, ...changed }) => ({
      change,
      dollarsPerMonth: now - dollarsOf({ ...input, ...changed }, prices),
    }))
    .filter(({ dollarsPerMonth }) => dollarsPerMonth > now * LEAST_SHARE)
    .toSorted((a, b) => b.dollarsPerMonth - a.dollarsPerMonth);
}

function changes({
  isFanOut,
  workers,
  checkpointSeconds,
  leaseSeconds,
}: CostInput): (Partial<CostInput> & { change: string })[] {
  return [
    ...(isFanOut
      ? [
          {
            isFanOut: false,
            change: 'consumer.type: Polling, a second later and sharing 2 MB/s of each shard with others',
          },
        ]
      : []),
    ...(workers > 1 ? [{ workers: workers - 1, change: 'a worker fewer, where the others have room' }] : []),
    ...(checkpointSeconds < LONG_SECONDS
      ? [
          {
            checkpointSeconds: LONG_SECONDS,
            change: `checkpoints.intervalSeconds: ${LONG_SECONDS}, more comes twice after a crash`,
          },
        ]
      : []),
    ...(leaseSeconds < LONG_SECONDS
      ? [
          {
            leaseSeconds: LONG_SECONDS,
            change: `leases.durationSeconds: ${LONG_SECONDS}, a dead node is noticed after ${(LONG_SECONDS * 4) / 3} s`,
          },
        ]
      : []),
  ];
}

function dollarsOf(input: CostInput, prices: Prices): number {
  const own = costOf(input).find(({ who }) => who === 'kcg');
  return moneyOf(own?.units ?? {}, prices);
}
