/*
 * What the worker processes said, put together: which batch ran when, in whose ownership of its shard. The rule is that
 * ownerships of a shard follow one another: no batch begins in an ownership that somebody else's has followed, or without
 * one, and none begins while another worker still processes a batch of that shard.
 */

export interface Line {
  worker: string;
  message: string;
  shardId?: string;
  [field: string]: unknown;
}

export interface Span {
  worker: string;
  shardId: string;
  /** Of the ownership in which it began; 0: the worker did not own the shard. */
  epoch: number;
  beganMs: number;
  /** When it ended or its handler was told to stop; Infinity: it never said. */
  endedMs: number;
  /** Sequence number of its last record. */
  last: string;
  /** It was made to hold up its whole process. */
  blocked: boolean;
}

/** One worker process, from its first line to its last. */
export class ProcessTrace {
  readonly lines: Line[] = [];
  /** What was no JSON: an error on stderr. */
  readonly rest: string[] = [];
  readonly spans: Span[] = [];
  readonly #epochs = new Map<string, number>();
  readonly #running = new Map<string, Span>();
  readonly #frozenMs: number[] = [];

  add(text: string): void {
    const line = parse(text);
    if (!line) return void this.rest.push(text);
    this.lines.push(line);
    const { shardId = '', message, beganMs } = line;
    if (message === 'ShardStarted') this.#epochs.set(shardId, Number(line['epoch']));
    if (message === 'ShardStopped') this.#epochs.delete(shardId);
    if (message === 'batch began') this.#began(line);
    if (message !== 'batch aborted' && message !== 'batch ended') return;
    const span = this.#running.get(`${shardId} ${String(beganMs)}`);
    if (span) span.endedMs = Math.min(span.endedMs, Number(line['endedMs']));
  }

  /** Shards it owns, by what it has said. */
  get shardIds(): string[] {
    return [...this.#epochs.keys()];
  }

  count(message: string): number {
    return this.lines.filter((line) => line.message === message).length;
  }

  /**
   * The process is gone or stands still since now: what ran then goes on, if at all, when it wakes, which nothing can
   * prevent. Its lines may come later than this.
   */
  freeze(atMs: number): void {
    this.#frozenMs.push(atMs);
  }

  /** When nothing of the batch ran any more, as far as its worker could know. */
  endOf({ beganMs, endedMs }: Span): number {
    return Math.min(endedMs, ...this.#frozenMs.filter((atMs) => atMs >= beganMs));
  }

  #began({ worker, shardId = '', ...line }: Line): void {
    const span: Span = {
      worker,
      shardId,
      epoch: this.#epochs.get(shardId) ?? 0,
      beganMs: Number(line['beganMs']),
      endedMs: Infinity,
      last: String(line['last']),
      blocked: line['blocked'] === true,
    };
    this.spans.push(span);
    if (span.blocked) this.freeze(span.beganMs);
    this.#running.set(`${shardId} ${span.beganMs}`, span);
  }
}

/** Every breach of the rule, in words. */
export function breaches(processes: readonly ProcessTrace[]): string[] {
  const found: string[] = [];
  const spans = processes
    .flatMap((process) => process.spans.map((span) => ({ ...span, endedMs: process.endOf(span) })))
    .sort((a, b) => a.beganMs - b.beganMs);
  for (const shardId of new Set(spans.map((span) => span.shardId))) {
    /** The newest ownership's batch that began last. */
    let owner: Span | undefined;
    for (const span of spans.filter((one) => one.shardId === shardId)) {
      const where = `${shardId}: ${span.worker} began a batch`;
      if (span.epoch === 0) found.push(`${where} that it did not own`);
      else if (owner && span.epoch < owner.epoch)
        found.push(`${where} in epoch ${span.epoch} after ${owner.worker} had begun in ${owner.epoch}`);
      else if (owner && span.epoch > owner.epoch && owner.endedMs > span.beganMs)
        found.push(`${where} while ${owner.worker} still processed one`);
      if (span.epoch >= (owner?.epoch ?? 0)) owner = span;
    }
  }
  return found;
}

function parse(text: string): Line | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text) as Line;
  } catch {
    return undefined;
  }
}
