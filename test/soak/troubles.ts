import { KcgError } from '../../src/lib/errors.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { randomInt, type Random } from '../../src/lib/random.ts';
import type { BucketTrouble } from './collectors.ts';
import { LEASE_MS, STREAM, type SoakFleet } from './soak-fleet.ts';

/** Open shards stay within these. */
const MIN_SHARDS = 3;
const MAX_SHARDS = 8;
/** How long a destination is. */
const AWAY_MS = 6_000;

/** Resolves when it is over and mended. */
type Trouble = (fleet: SoakFleet, random: Random) => Promise<void>;

/** What a group meets in its life. Poison is not here: it is among the records all the time. */
export const TROUBLES: Record<string, Trouble> = {
  'a shard is split': async (fleet, random) => reshard(fleet, random, 'split'),
  'two shards are merged': async (fleet, random) => reshard(fleet, random, 'merge'),
  'kill -9': async (fleet, random) => {
    const victim = anyOther(fleet, random);
    if (!victim) return;
    await fleet.end(victim, 'SIGKILL');
    fleet.add(random() < 0.5 ? { name: victim.name } : {});
  },
  SIGTERM: async (fleet, random) => {
    const victim = anyOther(fleet, random);
    if (!victim) return;
    fleet.add();
    await fleet.end(victim, 'SIGTERM');
  },
  'a worker stands still': async (fleet, random) => {
    const victim = anyOther(fleet, random);
    if (!victim) return;
    victim.freeze();
    await clock.sleep(2 * LEASE_MS);
    victim.wake();
  },
  'reads are throttled': async ({ parts: { kinesis } }, random) => {
    kinesis.kinesis.faults = (operation, shardId) =>
      operation === 'GetRecords' && random() < 0.7
        ? new KcgError('Throttled', `Rate exceeded for shard ${shardId}`)
        : undefined;
    await clock.sleep(8_000);
    kinesis.kinesis.faults = undefined;
  },
  'the table throttles': async ({ parts: { dynamodb } }, random) => {
    const type = 'ProvisionedThroughputExceededException';
    dynamodb.fail(() => (random() < 0.5 ? { do: 'fail', type } : undefined));
    await clock.sleep(8_000);
    dynamodb.fail();
  },
  'the table is gone': async ({ parts: { proxies } }) => {
    await proxies.dynamodb.refuse();
    await clock.sleep(2 * LEASE_MS);
    await proxies.dynamodb.accept();
  },
  'all connections are cut': async ({ parts: { proxies } }) => {
    for (const proxy of Object.values(proxies)) proxy.cutAll();
  },
  'the destination is gone': async ({ parts: { proxies } }) => {
    await proxies.bucket.refuse();
    await clock.sleep(AWAY_MS);
    await proxies.bucket.accept();
  },
  'the destination refuses': (fleet) => spoilBucket(fleet, 'refuses'),
  'the destination throttles': (fleet) => spoilBucket(fleet, 'throttles'),
  'the destination takes and does not answer': (fleet) => spoilBucket(fleet, 'deaf'),
};

/** Every kind once, in any order, before one comes again. */
export class TroubleDeck {
  readonly random: Random;
  #left: string[] = [];

  constructor(random: Random) {
    this.random = random;
  }

  draw(): string {
    if (this.#left.length === 0) this.#left = Object.keys(TROUBLES);
    return this.#left.splice(randomInt(this.random, this.#left.length), 1)[0]!;
  }
}

function anyOther({ others }: SoakFleet, random: Random) {
  return others[randomInt(random, others.length)];
}

async function spoilBucket({ parts: { collectors } }: SoakFleet, trouble: BucketTrouble): Promise<void> {
  collectors.bucketTrouble = trouble;
  await clock.sleep(AWAY_MS);
  collectors.bucketTrouble = undefined;
}

/** The other way round where there are too many shards, or too few. */
async function reshard(fleet: SoakFleet, random: Random, how: 'split' | 'merge'): Promise<void> {
  const { kinesis } = fleet.parts.kinesis;
  while (kinesis.describe(STREAM).status !== 'ACTIVE') await clock.sleep(100);
  const open = kinesis
    .listShards(STREAM, { filter: { type: 'AT_LATEST' } })
    .shards.map(({ shardId, hashStart, hashEnd }) => ({
      shardId,
      from: BigInt(hashStart),
      to: BigInt(hashEnd),
    }))
    .toSorted((a, b) => (a.from < b.from ? -1 : 1));
  const isSplit = open.length < MAX_SHARDS && (open.length <= MIN_SHARDS || how === 'split');
  const index = randomInt(random, open.length - (isSplit ? 0 : 1));
  const { shardId, from, to } = open[index]!;
  if (isSplit) kinesis.splitShard(STREAM, shardId, String((from + to + 1n) / 2n));
  else kinesis.mergeShards(STREAM, shardId, open[index + 1]!.shardId);
  while (kinesis.describe(STREAM).status !== 'ACTIVE') await clock.sleep(100);
}
