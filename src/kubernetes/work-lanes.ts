/** A key whose turn it is. */
export interface Due {
  key: string;
  lane: string;
  /** Monotonic: since when it is due. */
  at: number;
  isUrgent: boolean;
}

/** Of urgent keys in a row while others wait. */
const STREAK = 3;

interface Lane {
  running: number;
  /** Urgent keys in a row that had waited. */
  streak: number;
  /** Due, but the lane was full; in that order. A key is in one of them. */
  urgent: Map<string, Due>;
  others: Map<string, Due>;
}

/** How many keys of each lane are being worked on, and which wait for that. */
export class Lanes {
  readonly #room: number;
  readonly #lanes = new Map<string, Lane>();

  /** @param room keys of one lane at once */
  constructor(room: number) {
    this.#room = room;
  }

  *parked(): Iterable<string> {
    for (const { urgent, others } of this.#lanes.values()) {
      yield* urgent.keys();
      yield* others.keys();
    }
  }

  /** False when the lane is full: the key is kept until `leave` gives it the place of another. */
  enter(due: Due): boolean {
    const lane = this.#lanes.get(due.lane) ?? emptyLane();
    this.#lanes.set(due.lane, lane);
    if (lane.running < this.#room) {
      lane.running += 1;
      return true;
    }
    const known = lane.urgent.get(due.key) ?? lane.others.get(due.key);
    const isUrgent = due.isUrgent || known?.isUrgent === true;
    if (isUrgent) lane.others.delete(due.key);
    const parked = isUrgent ? lane.urgent : lane.others;
    parked.set(due.key, { ...due, at: Math.min(due.at, known?.at ?? due.at), isUrgent });
    return false;
  }

  /** One is done. @returns the one that had waited for it, urgent ones first: it is in, without entering again */
  leave(name: string): Due | undefined {
    const lane = this.#lanes.get(name);
    if (!lane) return undefined;
    const [urgent, other] = [firstOf(lane.urgent), firstOf(lane.others)];
    const next = lane.streak >= STREAK ? (other ?? urgent) : (urgent ?? other);
    lane.streak = next?.isUrgent ? lane.streak + 1 : 0;
    if (next) (next.isUrgent ? lane.urgent : lane.others).delete(next.key);
    else lane.running -= 1;
    if (lane.running === 0) this.#lanes.delete(name);
    return next;
  }
}

function emptyLane(): Lane {
  return { running: 0, streak: 0, urgent: new Map(), others: new Map() };
}

function firstOf(parked: ReadonlyMap<string, Due>): Due | undefined {
  for (const due of parked.values()) return due;
  return undefined;
}
