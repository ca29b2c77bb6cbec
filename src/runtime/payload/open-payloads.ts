import type { Compression, PayloadFormat } from '../../api/payload-spec.ts';
import { isPayloadPosition, MAX_PAYLOADS, payloadPosition } from '../../kinesis/payload-position.ts';
import { copyOf, type UserRecord } from '../../kinesis/record.ts';
import { decompress } from './decompress.ts';
import { PayloadError } from './payload-error.ts';
import { splitterOf, type Split } from './split.ts';

export interface PayloadOptions {
  format: PayloadFormat;
  compression: Compression;
}

/** What may come out of one Kinesis record in all, a KPL aggregate's user records together. */
export const MAX_OPENED_BYTES = 64 * 1024 * 1024;

/** Payloads of the records of one Kinesis record, each a record. What cannot be opened stays one, and says why. */
export type OpenPayloads = (records: readonly UserRecord[]) => UserRecord[];

/** Undefined: the data is delivered as it is. */
export function payloadOpener({ format, compression }: PayloadOptions): OpenPayloads | undefined {
  const split = splitterOf(format);
  if (split === undefined && compression === 'None') return undefined;
  return (records) => {
    let room = MAX_OPENED_BYTES;
    const opened: UserRecord[] = [];
    for (const record of records) {
      try {
        const { data: stored } = record;
        const data = decompress(stored, compression, room);
        if (data !== stored) room -= data.length;
        if (split) push(opened, record, pieces(split, data));
        else opened.push(data === stored ? record : { ...copyOf(record), data });
      } catch (thrown) {
        if (!(thrown instanceof PayloadError)) throw thrown;
        opened.push({ ...withPosition(record, split), undecodable: thrown.message });
      }
    }
    return opened;
  };
}

function pieces(split: Split, data: Uint8Array): Uint8Array[] {
  const found = split(data);
  if (found.length <= MAX_PAYLOADS) return found;
  throw new PayloadError(`it holds more than ${MAX_PAYLOADS} payloads`);
}

function push(opened: UserRecord[], record: UserRecord, payloads: readonly Uint8Array[]): void {
  const common = copyOf(record);
  for (const [index, data] of payloads.entries())
    opened.push({ ...common, data, subSequence: payloadPosition(record.subSequence, index) });
}

/** In an aggregate positions go up from one user record to the next, whatever becomes of each. */
function withPosition(record: UserRecord, split: Split | undefined): UserRecord {
  if (split === undefined || record.subSequence === undefined || isPayloadPosition(record.subSequence))
    return copyOf(record);
  return { ...copyOf(record), subSequence: payloadPosition(record.subSequence, 0) };
}
