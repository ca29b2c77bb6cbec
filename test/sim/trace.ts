import type { Row } from '../../src/leases/row.ts';
import type { RowWrite, WriteResult } from '../../src/leases/row-write.ts';
import type { WorkerEvent } from '../../src/runtime/worker-event.ts';

type What =
  | { note: string }
  | { who: string; event: WorkerEvent }
  | { write: RowWrite; before: Row | undefined; result: WriteResult };

/** Everything that happened, told as text only when somebody wants to read it. */
export class Trace {
  readonly #nowMs: () => number;
  readonly #lines: { atMs: number; what: What }[] = [];

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  note(note: string): void {
    this.#add({ note });
  }

  event(who: string, event: WorkerEvent): void {
    if (event.type !== 'BatchDelivered') this.#add({ who, event });
  }

  write(write: RowWrite, before: Row | undefined, result: WriteResult): void {
    if (write.name !== 'beat' || result.outcome === 'lost') this.#add({ write, before, result });
  }

  /** Everything workers told, in order. */
  events(): { atMs: number; who: string; event: WorkerEvent }[] {
    return this.#lines.flatMap(({ atMs, what }) => ('event' in what ? [{ atMs, ...what }] : []));
  }

  /** The writes that had an effect, in order. */
  writes(name: string): { atMs: number; write: RowWrite }[] {
    return this.#lines.flatMap(({ atMs, what }) =>
      'write' in what && what.write.name === name && what.result.outcome === 'done'
        ? [{ atMs, write: what.write }]
        : [],
    );
  }

  /** The last `count` lines. */
  lines(count = Infinity): string[] {
    return this.#lines
      .slice(-count)
      .map(({ atMs, what }) => `${(atMs / 1000).toFixed(3).padStart(9)} ${tell(what)}`);
  }

  #add(what: What): void {
    this.#lines.push({ atMs: this.#nowMs(), what });
  }
}

function tell(what: What): string {
  if ('note' in what) return `# ${what.note}`;
  if ('event' in what) {
    const { type, ...fields } = what.event;
    const shown = Object.entries(fields).map(([name, value]) => `${name}=${brief(value)}`);
    return `${what.who} ${type} ${shown.join(' ')}`;
  }
  const { write, before, result } = what;
  const set = write.set ?? {};
  const shown = ['ref', 'epoch', 'sequence', 'state'].filter((name) => set[name] !== undefined);
  const was = write.kind === 'update' && before ? ` (was ${brief(before['ref'] ?? before['state'])})` : '';
  const now = shown.map((name) => ` ${name}=${brief(set[name])}`).join('');
  return `  ${write.name} ${write.key}${now}${was}: ${result.outcome}`;
}

function brief(value: unknown): string {
  if (value instanceof Error) return value.message;
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing');
}
