import { afterTurn, moreUrgent, nextTurn, NOBODY_PASSED, REASONS, type Reason } from './work-order.ts';

/** A key whose time has come. */
export interface Due {
  key: string;
  lane: string;
  /** Monotonic: since when it is due. */
  at: number;
  reason: Reason;
}

interface Lane {
  running: number;
  passed: typeof NOBODY_PASSED;
  /** In the order in which they came. A key is in one of them. */
  waiting: Readonly<Record<Reason, Map<string, Due>>>;
}

/** How many keys of each lane are being worked on, and which wait for that. */
export class Lanes {
  readonly #room: number;
  readonly #lanes = new Map<string, Lane>();
  /** Key → the lane in which it waits. */
  readonly #waiting = new Map<string, string>();
  /** Lanes in which it may be somebody's turn; the one that had none for longest first. */
  readonly #open = new Set<string>();

  /** @param room keys of one lane at once */
  constructor(room: number) {
    this.#room = room;
  }

  /** Keys that wait. */
  waiting(): Iterable<string> {
    return this.#waiting.keys();
  }

  /** Waits from now on; one that waits already does so since before, for the more urgent of the reasons. */
  park(due: Due): void {
    const known = this.#remove(due.key);
    const lane = this.#lanes.get(due.lane) ?? emptyLane();
    this.#lanes.set(due.lane, lane);
    const reason = moreUrgent(due.reason, known?.reason);
    lane.waiting[reason].set(due.key, { ...due, at: Math.min(due.at, known?.at ?? due.at), reason });
    this.#waiting.set(due.key, due.lane);
    this.#open.add(due.lane);
  }

  /** The key whose turn it is, lane by lane: it has its place in the lane until `leave`. */
  next(): Due | undefined {
    for (const name of this.#open) {
      this.#open.delete(name);
      const lane = this.#lanes.get(name);
      const due = lane && takeTurn(lane, this.#room);
      if (!due) continue;
      this.#waiting.delete(due.key);
      this.#open.add(name);
      return due;
    }
    return undefined;
  }

  /** One that `next` gave is done. */
  leave(name: string): void {
    const lane = this.#lanes.get(name);
    if (!lane) return;
    lane.running -= 1;
    this.#open.add(name);
    this.#forgetEmpty(name, lane);
  }

  #remove(key: string): Due | undefined {
    const name = this.#waiting.get(key);
    const lane = name === undefined ? undefined : this.#lanes.get(name);
    if (name === undefined || !lane) return undefined;
    const due = REASONS.map((reason) => lane.waiting[reason].get(key)).find((found) => found !== undefined);
    for (const reason of REASONS) lane.waiting[reason].delete(key);
    this.#waiting.delete(key);
    this.#forgetEmpty(name, lane);
    return due;
  }

  #forgetEmpty(name: string, { running, waiting }: Lane): void {
    if (running > 0 || REASONS.some((reason) => waiting[reason].size > 0)) return;
    this.#lanes.delete(name);
    this.#open.delete(name);
  }
}

function takeTurn(lane: Lane, room: number): Due | undefined {
  const waits = (reason: Reason) => lane.waiting[reason].size > 0;
  const { passed, running } = lane;
  const reason = nextTurn({ waits, passed, room, running });
  const [due] = reason ? lane.waiting[reason].values() : [];
  if (!reason || !due) return undefined;
  lane.waiting[reason].delete(due.key);
  lane.running += 1;
  lane.passed = afterTurn({ waits, passed }, reason);
  return due;
}

function emptyLane(): Lane {
  const waiting = { urgent: new Map(), changed: new Map(), first: new Map(), routine: new Map() };
  return { running: 0, passed: NOBODY_PASSED, waiting };
}
