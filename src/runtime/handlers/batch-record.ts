import { positionOf, type UserRecord } from '../../kinesis/record.ts';
import type { BatchRecord } from './module-types.ts';

const decoder = new TextDecoder();

/** A record as a module handler gets it; the data is not copied. */
export function batchRecord(record: UserRecord): BatchRecord {
  const { sequence, subSequence, partitionKey, data, arrivedAt } = record;
  const text = () => decoder.decode(data);
  return {
    sequenceNumber: sequence,
    ...(subSequence === undefined ? {} : { subSequenceNumber: subSequence }),
    id: positionOf(record),
    partitionKey,
    data,
    ...('value' in record ? { value: record.value } : {}),
    approximateArrivalTimestamp: new Date(arrivedAt),
    text,
    json: <T>() => parse(text(), sequence) as T,
  };
}

function parse(text: string, sequence: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The engine's own message quotes the text, and a handler's failure is logged: no record data there.
    throw new SyntaxError(`the record ${sequence} is not JSON`);
  }
}
