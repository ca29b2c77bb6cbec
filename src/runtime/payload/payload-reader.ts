import type { Checkpoint } from '../../kinesis/position.ts';
import { isPayloadPosition } from '../../kinesis/payload-position.ts';
import { dataSizeOf, type RecordList, type UserRecord } from '../../kinesis/record.ts';
import type { ReadResult, ShardReader } from '../../kinesis/shard-reader.ts';
import { takeOut } from '../../lib/take-out.ts';
import type { OpenPayloads } from './open-payloads.ts';

/** `from`: where `reader` begins. Without `open` it is `reader` itself. */
export function payloadReader(
  reader: ShardReader,
  open: OpenPayloads | undefined,
  from: Checkpoint,
): ShardReader {
  return open === undefined ? reader : new PayloadReader(reader, open, from);
}

/** What one result may hold beyond its first Kinesis record: compressed data takes more memory when it is opened. */
const MAX_RESULT_BYTES = 8 * 1024 * 1024;

/**
 * `reader` with the payloads of its records as records. A read whose payloads are large comes in several results, each with
 * whole Kinesis records: what is not asked for yet stays compressed.
 */
class PayloadReader implements ShardReader {
  readonly #reader: ShardReader;
  readonly #open: OpenPayloads;
  /** A position between payloads at which reading began: those up to it are done. */
  readonly #after: { sequence: string; subSequence: number } | undefined;
  #read: ReadResult | undefined;
  #next = 0;

  constructor(reader: ShardReader, open: OpenPayloads, from: Checkpoint) {
    this.#reader = reader;
    this.#open = open;
    if (from.at === 'SEQUENCE' && isPayloadPosition(from.subSequence))
      this.#after = { sequence: from.sequence, subSequence: from.subSequence! };
  }

  unreadForMs(): number {
    return this.#reader.unreadForMs();
  }

  async next(signal: AbortSignal): Promise<ReadResult> {
    const read = this.#read ?? (await this.#reader.next(signal));
    const records: UserRecord[] = [];
    let bytes = 0;
    let at = this.#next;
    while (at < read.records.length && (at === this.#next || bytes < MAX_RESULT_BYTES)) {
      const end = endOfRecord(read.records, at);
      for (const record of this.#notDone(this.#open(read.records.slice(at, end)))) {
        bytes += dataSizeOf(record);
        records.push(record);
      }
      at = end;
    }
    if (at < read.records.length) {
      this.#read = read;
      this.#next = at;
      const { sequence } = read.records.at(at - 1)!;
      const millisBehindLatest = Math.max(read.millisBehindLatest, 1); // the rest is still to come
      return { ...read, records, lastSequence: sequence, millisBehindLatest, end: undefined };
    }
    this.#read = undefined;
    this.#next = 0;
    takeOut(read, 'records', []);
    return { ...read, records };
  }

  /** Of one Kinesis record. A position that it does not have is of a time when it was cut otherwise: all of it comes again. */
  #notDone(opened: readonly UserRecord[]): readonly UserRecord[] {
    const after = this.#after;
    if (after === undefined || opened[0]?.sequence !== after.sequence) return opened;
    if (!opened.some(({ subSequence }) => subSequence === after.subSequence)) return opened;
    return opened.filter(({ subSequence }) => subSequence === undefined || subSequence > after.subSequence);
  }
}

/** Behind the last user record of the Kinesis record that begins at `start`. */
export function endOfRecord(records: RecordList, start: number): number {
  const { sequence } = records.at(start)!;
  let end = start + 1;
  while (end < records.length && records.at(end)!.sequence === sequence) end += 1;
  return end;
}
