import type { UserRecord } from '../../kinesis/record.ts';
import { KcgError } from '../../lib/errors.ts';
import { eventBytes } from '../delivery/batching.ts';
import { shown } from './shown.ts';

/** How long a broken connection counts as a limit, ms: it may have been a crash or a proxy's bad moment. */
const DOUBTED_MS = 10 * 60_000;

/**
 * How large a batch an application takes in one request. Nobody tells: frameworks and proxies refuse what is above a limit of
 * theirs, with 413 or by closing the connection while the batch is sent. What was refused is halved, down to one record,
 * and what went through is remembered for all shards until the application is started anew. All times are monotonic ms.
 */
export class BodyLimit {
  #bytes = Infinity;
  #untilMs = Infinity;

  /** How many of these records fit, from the first on: one at least. */
  fit(records: readonly UserRecord[], nowMs: number): number {
    if (nowMs >= this.#untilMs) this.forget();
    if (this.#bytes === Infinity) return records.length;
    let bytes = 0;
    const fitting = records.findIndex((record) => (bytes += eventBytes(record)) > this.#bytes);
    return fitting === -1 ? records.length : Math.max(fitting, 1);
  }

  /** `isSure`: it said 413. False when there is nothing to cut: it was one record. */
  refused(records: readonly UserRecord[], isSure: boolean, nowMs: number): boolean {
    if (records.length < 2) return false;
    const bytes = records.reduce((sum, record) => sum + eventBytes(record), 0);
    // Batches of several shards are under way; the smallest of them counts.
    this.#bytes = Math.min(this.#bytes, bytes / 2);
    this.#untilMs = isSure ? Infinity : nowMs + DOUBTED_MS;
    return true;
  }

  /** The application may come back with other settings. */
  forget(): void {
    this.#bytes = Infinity;
    this.#untilMs = Infinity;
  }
}

interface Refusal {
  /** The verb of the sentence: "answered 413 to". */
  how: string;
  records: readonly UserRecord[];
  bodyBytes: number;
  /** What it answered. */
  said: string | undefined;
}

export function tooLarge({ how, records: { length }, bodyBytes, said = '' }: Refusal): KcgError {
  const size = `${length} ${length === 1 ? 'record' : 'records'}, ${(bodyBytes / 1024).toFixed(0)} KiB`;
  const next = length === 1 ? '' : '; it comes again in smaller ones';
  const quote = said.trim() === '' ? '' : ` (${shown(said)})`;
  return new KcgError('HandlerFailed', `the handler ${how} a batch of ${size}${quote}${next}`, {
    fix: "Raise the application's body limit, to 7 MB for every batch (Express: express.json({limit}), Fastify: bodyLimit, nginx: client_max_body_size), or lower handler.batchSize.",
  });
}
