import { alarm, type Clock } from '../lib/clock.ts';
import type { EventInput } from './cluster.ts';

/** How long a step waits for what it leads to, ms: a table is made and pods start within that, as a rule. */
const WAITS_MS = 30_000;

/**
 * Steps that lead to something are told with it, in one Event: many groups that come up at the same time would cost an API
 * server more Events than all else. A step that led to nothing is told by itself, half a minute late.
 */
export class JoinedEvents {
  readonly #clock: Clock;
  readonly #tell: (event: EventInput) => void;
  /** By uid of what they are about; `off`: they are not told by themselves. */
  readonly #waiting = new Map<string, { steps: EventInput[]; off: () => void }>();
  #isClosed = false;

  constructor(clock: Clock, tell: (event: EventInput) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  record(event: EventInput): void {
    const { uid } = event.regarding.metadata;
    const waiting = this.#waiting.get(uid);
    if (!event.isStep || this.#isClosed) this.#tell(joined([...this.#take(uid), event]));
    else if (waiting) waiting.steps.push(event);
    else {
      const off = alarm(this.#clock, WAITS_MS, () => this.#tell(joined(this.#take(uid))));
      this.#waiting.set(uid, { steps: [event], off });
    }
  }

  /** Tells what waits. */
  close(): void {
    this.#isClosed = true;
    for (const uid of this.#waiting.keys()) this.#tell(joined(this.#take(uid)));
  }

  #take(uid: string): EventInput[] {
    const { steps = [], off } = this.#waiting.get(uid) ?? {};
    off?.();
    this.#waiting.delete(uid);
    return steps;
  }
}

/** The last of them, with the words of all. */
function joined(events: readonly EventInput[]): EventInput {
  const last = events.at(-1)!;
  if (events.length === 1) return last;
  const steps = events.slice(0, -1).map(({ reason, note }) => `${reason}: ${note}`);
  return { ...last, note: [...steps, last.note].join('; ') };
}
