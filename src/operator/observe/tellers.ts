import type { Clock } from '../../lib/clock.ts';
import type { ObservedWorkers } from '../../leases/observed-workers.ts';
import type { WorkerRow } from '../../leases/worker-row.ts';
import { parseWord } from '../../view/group-word.ts';

/** Calls back for each line that the worker at `address` tells, and once when no more come; returns what ends it. */
export type Listen = (
  address: string,
  listener: { onLine: (line: string) => void; onEnd: () => void },
) => () => void;

export interface TellersOptions {
  clock: Clock;
  listen: Listen;
  /** The rows of a group (`namespace/name`) are worth a look. */
  onChange: (group: string) => void;
}

interface Teller {
  row: Pick<WorkerRow, 'worker' | 'incarnation' | 'address'>;
  watched: ObservedWorkers;
  digest: string | undefined;
  /** Monotonic: its last line, or when it was asked. */
  heardMs: number;
  /** Without a line for so long it tells no more. */
  silenceMs: number;
  /** Monotonic: since when it says the same. */
  sameSinceMs: number;
  close: () => void;
}

/** What was said is shown by the rows by then, whichever replica is read. */
const SETTLED_MS = 4_000;
const SWEEP_MS = 1_000;
/** How long a worker that did not tell is not asked again, ms. */
const DEAF_MS = 60_000;
/** A beat comes every third of a lease; a late one is none that is missing. */
const SILENCE_SHARE = 1 / 2;
const LATE_MS = 1_500;

/**
 * One worker of each group tells when its rows change, so that they need not be read to see that they do not. It is evidence
 * for as long as it speaks: silence, an end or another word brings a look at once, and looks come as often as ever until
 * somebody tells again.
 */
export class Tellers {
  readonly #options: TellersOptions;
  readonly #tellers = new Map<string, Teller>();
  /** Incarnations that did not tell → until when they are not asked. */
  readonly #deaf = new Map<string, number>();

  constructor(options: TellersOptions) {
    this.#options = options;
  }

  /**
   * After each look at the rows of a group, which are `workers`.
   * @param watched is told of the beats of who tells
   * @returns whether every change of these rows is told
   */
  follow(group: string, workers: readonly WorkerRow[], watched: ObservedWorkers): boolean {
    const nowMs = this.#options.clock.monotonic();
    const able = workers.filter(
      ({ state, address, incarnation }) =>
        (state === 'live' || state === 'starting') &&
        address !== '' &&
        (this.#deaf.get(incarnation) ?? -Infinity) <= nowMs,
    );
    const known = this.#tellers.get(group);
    if (known && able.some(({ incarnation }) => incarnation === known.row.incarnation)) {
      known.watched = watched;
      return known.digest !== undefined && nowMs - known.sameSinceMs >= SETTLED_MS;
    }
    this.drop(group);
    const [first] = able;
    if (first) this.#open(group, first, watched);
    return false;
  }

  drop(group: string): void {
    this.#tellers.get(group)?.close();
    this.#tellers.delete(group);
  }

  /** Notices silence, until `signal` aborts; then nobody is listened to. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      const nowMs = clock.monotonic();
      for (const [group, teller] of this.#tellers)
        if (nowMs - teller.heardMs > teller.silenceMs) this.#lose(group, teller);
      for (const [incarnation, untilMs] of this.#deaf) if (untilMs <= nowMs) this.#deaf.delete(incarnation);
      await clock.sleep(SWEEP_MS, { signal });
    }
    for (const group of this.#tellers.keys()) this.drop(group);
  }

  #open(group: string, row: WorkerRow, watched: ObservedWorkers): void {
    const nowMs = this.#options.clock.monotonic();
    const teller: Teller = {
      row,
      watched,
      digest: undefined,
      heardMs: nowMs,
      silenceMs: row.leaseDurationMs * SILENCE_SHARE + LATE_MS,
      sameSinceMs: nowMs,
      close: () => {},
    };
    this.#tellers.set(group, teller);
    teller.close = this.#options.listen(row.address, {
      onLine: (line) => this.#hear(group, teller, line),
      onEnd: () => this.#lose(group, teller),
    });
  }

  #hear(group: string, teller: Teller, line: string): void {
    const word = parseWord(line);
    // Another process at that address, or another life of the same one.
    if (word?.incarnation !== teller.row.incarnation) return this.#lose(group, teller);
    const nowMs = this.#options.clock.monotonic();
    teller.heardMs = nowMs;
    teller.watched.heard({ ...teller.row, beat: word.beat }, nowMs);
    if (word.digest === teller.digest) return;
    const isFirst = teller.digest === undefined;
    teller.digest = word.digest;
    teller.sameSinceMs = nowMs;
    if (!isFirst) this.#options.onChange(group);
  }

  #lose(group: string, teller: Teller): void {
    if (this.#tellers.get(group) !== teller) return;
    const { clock, onChange } = this.#options;
    this.#deaf.set(teller.row.incarnation, clock.monotonic() + DEAF_MS);
    this.drop(group);
    // One that never told has not been relied on.
    if (teller.digest !== undefined) onChange(group);
  }
}
