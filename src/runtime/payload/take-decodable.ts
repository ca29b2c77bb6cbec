import { copyOf, type UserRecord } from '../../kinesis/record.ts';
import type { DecodeValue } from './decode-value.ts';
import { PayloadError } from './payload-error.ts';

export interface Taken {
  /** With their values. Empty: the first cannot be decoded. */
  records: readonly UserRecord[];
  /** Why the one behind them cannot be; undefined: all can. */
  problem: string | undefined;
}

/**
 * The records up to the first that cannot be decoded. Values are made when a batch is about to be delivered and not before:
 * they take more memory than data that waits.
 */
export function takeDecodable(records: readonly UserRecord[], decode: DecodeValue | undefined): Taken {
  const taken: UserRecord[] = [];
  for (const record of records) {
    const problem = record.undecodable;
    if (problem !== undefined) return { records: taken, problem };
    if (decode === undefined) {
      taken.push(record);
      continue;
    }
    try {
      taken.push({ ...copyOf(record), value: decode(record.data) });
    } catch (thrown) {
      if (!(thrown instanceof PayloadError)) throw thrown;
      return { records: taken, problem: thrown.message };
    }
  }
  return { records: decode === undefined ? records : taken, problem: undefined };
}

/** `passes`, and what is not of the format: that is told of, whatever the filters are. */
export function orUndecodable<More extends unknown[]>(
  passes: (record: UserRecord, ...more: More) => boolean,
  decode: DecodeValue | undefined,
): typeof passes {
  return (record, ...more) =>
    passes(record, ...more) || takeDecodable([record], decode).problem !== undefined;
}
