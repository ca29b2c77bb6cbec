import { randomInt, seededRandom, type Random } from '../../src/lib/random.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { dataOf, KeyAccount, type RecordKind } from './key-account.ts';
import { SoakFleet, STREAM } from './soak-fleet.ts';
import { TroubleDeck, TROUBLES } from './troubles.ts';

export interface SoakOptions {
  minutes: number;
  recordsPerSecond: number;
  seed: number;
  /** Handlers leak on purpose. */
  leaks: boolean;
  /** One line of progress. */
  print: (line: string) => void;
  /** Ends the troubles early; what was put is still waited for. */
  stop: AbortSignal;
}

export interface SoakResult {
  account: KeyAccount;
  fleet: SoakFleet;
  /** How often each trouble came. */
  troubles: ReadonlyMap<string, number>;
  /** From the end of the troubles until all was through, ms; the longer one of the two halves. */
  caughtUpMs: number;
}

const KEYS = 64;
const RECORD_BYTES = 8_000;
/** What is older goes, or the server would keep a day of it, ms. */
const KEPT_MS = 15 * 60_000;
const TICK_MS = 100;
/** Between two looks at the processes. */
const LOOK_MS = 1_000;
/** How long what is left of two rounds of garbage collection (handler.ts) takes to show. */
const REST_MS = 12_000;
/** Troubles that come on top of each other. */
const AT_A_TIME = 2;
const BETWEEN_TROUBLES_MS = 4_000;
/** Most that what is left may take without any trouble, ms. */
const PATIENCE_MS = 240_000;

/**
 * Runs the fleet through its troubles, waits for what is left, and ends it. Judges nothing. In the middle and at the end
 * all is through and rests: what a process then holds, it keeps.
 */
export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const { minutes, seed, leaks, print, stop } = options;
  const random = seededRandom(seed);
  const account = new KeyAccount();
  const fleet = await SoakFleet.start(account, random, leaks);
  const soak: Soak = {
    options,
    fleet,
    account,
    troubles: new Map(),
    deck: new TroubleDeck(random),
    now: 'starting',
  };
  const startMs = clock.monotonic();
  const ended = new AbortController();
  const say = () => print(progress(soak, clock.monotonic() - startMs));
  const looking = look(fleet, ended.signal, say, minutes);
  // One for both halves: numbers go on.
  const putRandom = seededRandom(seed + 1);
  try {
    let caughtUpMs = 0;
    for (let half = 0; half < 2; half += 1) {
      const end = new AbortController();
      const timeUp = AbortSignal.any([stop, end.signal]);
      const troubling = Array.from({ length: AT_A_TIME }, () => trouble(soak, timeUp));
      const putting = put(soak, putRandom, timeUp);
      await clock.sleep(minutes * 30_000, { signal: stop });
      end.abort();
      await Promise.all([putting, ...troubling]);
      caughtUpMs = Math.max(caughtUpMs, await catchUp(soak));
      soak.now = 'all is through: resting';
      await clock.sleep(REST_MS, { signal: stop });
      for (const elder of fleet.elders) elder.rest(clock.monotonic() - REST_MS);
    }
    await fleet.parts.watch.look();
    return { account, fleet, troubles: soak.troubles, caughtUpMs };
  } finally {
    ended.abort();
    await looking;
    await fleet.close();
  }
}

interface Soak {
  options: SoakOptions;
  fleet: SoakFleet;
  account: KeyAccount;
  troubles: Map<string, number>;
  deck: TroubleDeck;
  /** What goes on, in words. */
  now: string;
}

function progress({ options, fleet, account, now }: Soak, passedMs: number): string {
  const { put, givenUp, missing } = account.figures;
  const [elder] = fleet.elders;
  const megabytes = ((elder?.sizes.at(-1)?.ownBytes ?? 0) / 2 ** 20).toFixed(0);
  const shards = fleet.parts.kinesis.kinesis.describe(STREAM).openShards;
  const passed = `${clockText(passedMs)} of ${clockText(options.minutes * 60_000)}`;
  const records = `put ${put}  under way ${missing}  given up ${givenUp}`;
  return `${passed}  ${records}  shards ${shards}  w1 ${megabytes} MB  ${now}`;
}

/** How long it took, ms. */
async function catchUp(soak: Soak): Promise<number> {
  soak.now = 'no more troubles: waiting for what is under way';
  const mendedMs = clock.monotonic();
  while (soak.account.figures.missing > 0 && clock.monotonic() < mendedMs + PATIENCE_MS)
    await clock.sleep(100);
  return clock.monotonic() - mendedMs;
}

async function look(fleet: SoakFleet, stop: AbortSignal, say: () => void, minutes: number): Promise<void> {
  const everyMs = Math.min(60_000, Math.max(10_000, minutes * 1_000));
  for (let saidMs = clock.monotonic(); !stop.aborted; await clock.sleep(LOOK_MS, { signal: stop })) {
    fleet.look();
    if (clock.monotonic() < saidMs + everyMs) continue;
    saidMs += everyMs;
    say();
  }
}

async function trouble(soak: Soak, stop: AbortSignal): Promise<void> {
  const { deck, troubles, fleet } = soak;
  while (!stop.aborted) {
    await clock.sleep(BETWEEN_TROUBLES_MS * (0.5 + deck.random()), { signal: stop });
    if (stop.aborted) return;
    const what = deck.draw();
    troubles.set(what, (troubles.get(what) ?? 0) + 1);
    soak.now = what;
    await TROUBLES[what]!(fleet, deck.random);
  }
}

async function put({ fleet, account, options }: Soak, random: Random, stop: AbortSignal): Promise<void> {
  const { recordsPerSecond } = options;
  const { kinesis } = fleet.parts.kinesis;
  let owed = 0;
  while (!stop.aborted) {
    for (owed += (recordsPerSecond * TICK_MS) / 1_000; owed >= 1; owed -= 1) {
      const key = `customer-${randomInt(random, KEYS)}`;
      const kind = kindOf(random());
      const data = Buffer.from(dataOf({ number: account.put(key, kind), kind }, RECORD_BYTES));
      // A number once drawn has to be put, or it would count as lost.
      while (!isPut(() => kinesis.putRecord(STREAM, { partitionKey: key, data }))) await clock.sleep(TICK_MS);
    }
    for (const shard of kinesis.stream(STREAM).shards) shard.trim(clock.now() - KEPT_MS);
    await clock.sleep(TICK_MS, { signal: stop });
  }
}

function isPut(put: () => unknown): boolean {
  try {
    put();
    return true;
  } catch (thrown) {
    if (KcgError.from(thrown).code !== 'Throttled') throw thrown;
    return false;
  }
}

/** Poison is rare enough that lanes get on, and that which hangs rarer. */
function kindOf(share: number): RecordKind {
  if (share < 0.001) return 'throws';
  if (share < 0.002) return 'reports';
  return share < 0.0022 ? 'hangs' : 'fine';
}

function clockText(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
