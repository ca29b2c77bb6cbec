import { randomInt, seededRandom } from '../../src/lib/random.ts';
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
  /** From the end of the troubles until all was through, ms. */
  caughtUpMs: number;
}

const KEYS = 64;
const RECORD_BYTES = 8_000;
/** What is older goes, or the server would keep a day of it, ms. */
const KEPT_MS = 15 * 60_000;
const TICK_MS = 100;
/** Between two looks at the processes. */
const LOOK_MS = 1_000;
/** Troubles that come on top of each other. */
const AT_A_TIME = 2;
const BETWEEN_TROUBLES_MS = 4_000;
/** Most that what is left may take without any trouble, ms. */
const PATIENCE_MS = 240_000;

/** Runs the fleet through its troubles, waits for what is left, and ends it. Judges nothing. */
export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const { minutes, seed, leaks, print, stop } = options;
  const random = seededRandom(seed);
  const account = new KeyAccount();
  const troubles = new Map<string, number>();
  const fleet = await SoakFleet.start(account, random, leaks);
  const startMs = clock.monotonic();
  const end = new AbortController();
  const timeUp = AbortSignal.any([stop, end.signal]);
  const ended = new AbortController();
  let now = 'starting';
  const looking = look(
    fleet,
    ended.signal,
    () => {
      const { put, givenUp, missing } = account.figures;
      const [elder] = fleet.elders;
      const megabytes = ((elder?.resident.at(-1)?.value ?? 0) / 2 ** 20).toFixed(0);
      const shards = fleet.parts.kinesis.kinesis.describe(STREAM).openShards;
      const passed = `${clockText(clock.monotonic() - startMs)} of ${clockText(minutes * 60_000)}`;
      const records = `put ${put}  under way ${missing}  given up ${givenUp}`;
      print(`${passed}  ${records}  shards ${shards}  w1 ${megabytes} MB  ${now}`);
    },
    minutes,
  );
  const putting = put(fleet, account, options, timeUp);
  const deck = new TroubleDeck(random);
  const onTrouble = (what: string) => {
    troubles.set(what, (troubles.get(what) ?? 0) + 1);
    now = what;
  };
  const troubling = Array.from({ length: AT_A_TIME }, () => trouble(fleet, deck, timeUp, onTrouble));
  try {
    await clock.sleep(minutes * 60_000, { signal: stop });
    end.abort();
    await Promise.all([putting, ...troubling]);
    now = 'no more troubles: waiting for what is under way';
    const mendedMs = clock.monotonic();
    while (account.figures.missing > 0 && clock.monotonic() < mendedMs + PATIENCE_MS) await clock.sleep(100);
    const caughtUpMs = clock.monotonic() - mendedMs;
    await fleet.parts.watch.look();
    return { account, fleet, troubles, caughtUpMs };
  } finally {
    ended.abort();
    await looking;
    await fleet.close();
  }
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

async function trouble(
  fleet: SoakFleet,
  deck: TroubleDeck,
  stop: AbortSignal,
  onTrouble: (what: string) => void,
): Promise<void> {
  while (!stop.aborted) {
    await clock.sleep(BETWEEN_TROUBLES_MS * (0.5 + deck.random()), { signal: stop });
    if (stop.aborted) return;
    const what = deck.draw();
    onTrouble(what);
    await TROUBLES[what]!(fleet, deck.random);
  }
}

async function put(
  fleet: SoakFleet,
  account: KeyAccount,
  { recordsPerSecond, seed }: SoakOptions,
  stop: AbortSignal,
): Promise<void> {
  const random = seededRandom(seed + 1);
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
