import type { UserRecord } from '../../kinesis/record.ts';
import { positionOf } from '../../kinesis/record.ts';
import { KcgError } from '../../lib/errors.ts';
import { valueDecoder, type DecodeValue } from './decode-value.ts';
import { payloadOpener, type OpenPayloads, type PayloadOptions } from './open-payloads.ts';

/** What a group says its data is, as the functions that read it so. */
export interface Payloads extends PayloadOptions {
  /** When records are read. Undefined: a record's data is its only payload. */
  open: OpenPayloads | undefined;
  /** When records are delivered. Undefined: their data is all that the handler gets. */
  decode: DecodeValue | undefined;
}

export async function openPayloads(options: PayloadOptions): Promise<Payloads> {
  return { ...options, open: payloadOpener(options), decode: await valueDecoder(options.format) };
}

export function undecodable(
  record: UserRecord,
  problem: string,
  { format, compression }: PayloadOptions,
): KcgError {
  const how = compression === 'None' ? format : `${format}, compression ${compression}`;
  return new KcgError('InvalidInput', `the record ${positionOf(record)} is not ${how}: ${problem}`, {
    fix: 'Correct spec.handler.format or compression, or the producer. Where spec.handler.retry.maxAttempts is 0 or more, such records go to onFailure.',
  });
}
