import type { Clock } from '../lib/clock.ts';
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
  /** By uid of what they are about. */
  readonly #steps = new Map<string, EventInput[]>();
  readonly #stop = new AbortController();

  constructor(clock: Clock, tell: (event: EventInput) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  record(event: EventInput): void {
    const { uid } = event.regarding.metadata;
    const steps = this.#steps.get(uid);
    if (!event.isStep) {
      this.#steps.delete(uid);
      this.#tell(steps ? joined([...steps, event]) : event);
    } else if (steps) steps.push(event);
    else if (this.#stop.signal.aborted) this.#tell(event);
    else {
      const first = [event];
      this.#steps.set(uid, first);
      void this.#clock.sleep(WAITS_MS, { signal: this.#stop.signal }).then(() => {
        if (this.#steps.get(uid) !== first) return;
        this.#steps.delete(uid);
        this.#tell(joined(first));
      });
    }
  }

  /** Tells what waits. */
  close(): void {
    this.#stop.abort();
    for (const steps of this.#steps.values()) this.#tell(joined(steps));
    this.#steps.clear();
  }
}

/** The last of them, with the words of all. */
function joined(events: readonly EventInput[]): EventInput {
  const last = events.at(-1)!;
  if (events.length === 1) return last;
  const steps = events.slice(0, -1).map(({ reason, note }) => `${reason}: ${note}`);
  return { ...last, note: [...steps, last.note].join('; ') };
}
