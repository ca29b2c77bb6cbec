import type { ForeignPosition, ForeignPositions } from './foreign-store.ts';

/** What watching another consumer has shown. */
export interface StillFacts {
  /** For how long nothing has moved, ms; the first look counts as movement. */
  stillMs: number;
  /** It has been seen to move, and has not stood still for long enough since. */
  isLive: boolean;
  /** What moved first; empty while nothing has, and when it was the program itself rather than a position. */
  moved: readonly Pick<ForeignPosition, 'shardId' | 'owner'>[];
}

/** Is the other consumer alive? Only its rows tell, by moving, and only one's own monotonic clock tells for how long they have not. */
export class StandStill {
  #last: { movement: string; positions: ReadonlyMap<string, string> } | undefined;
  #sinceMs = 0;
  #moved: StillFacts['moved'] = [];
  #isLive = false;

  /** `nowMs` is monotonic, and of before the look began. */
  observe({ movement, positions, expiryMs }: ForeignPositions, nowMs: number): StillFacts {
    const last = this.#last;
    if (last?.movement !== movement) {
      // What moved first is told until it stands still: which one it is says little, and a message that stays says more.
      if (last && !this.#isLive)
        this.#moved = positions.filter((at) => last.positions.get(at.shardId) !== at.movement);
      this.#isLive = last !== undefined;
      this.#sinceMs = nowMs;
      this.#last = { movement, positions: new Map(positions.map((at) => [at.shardId, at.movement])) };
    }
    const stillMs = nowMs - this.#sinceMs;
    if (stillMs >= expiryMs) this.#isLive = false;
    return { stillMs, isLive: this.#isLive, moved: this.#moved };
  }
}
