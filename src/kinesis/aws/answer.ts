import { serviceError } from '../../aws/service-error.ts';
import { KcgError } from '../../lib/errors.ts';
import { takeOut } from '../../lib/take-out.ts';
import type { GetRecordsResult } from '../stream-client.ts';
import { readCborAnswer } from './cbor-answer.ts';
import { CborReader } from './cbor-reader.ts';
import { readJsonAnswer } from './json-answer.ts';

/** An answer to GetRecords, good or bad. */
export interface Answer {
  status: number;
  errorType: string | undefined;
  /** JSON, or something else, when it is not. */
  isCbor: boolean;
  body: Buffer;
}

const TAKEN = Buffer.alloc(0);

/**
 * Takes the body out of the answer.
 * @throws what the SDK throws for the service's errors; KcgError `Unavailable` for a body that is no answer of GetRecords:
 * a missing iterator means shard end, so nothing is guessed
 */
export function readAnswer(answer: Answer): GetRecordsResult {
  const { status, isCbor } = answer;
  const body = takeOut(answer, 'body', TAKEN);
  if (status !== 200) throw serviceError(answer, () => readMembers(body, isCbor));
  let cause: unknown;
  try {
    const result = isCbor ? readCborAnswer(body) : readJsonAnswer(body);
    if (result) return result;
  } catch (error) {
    cause = error;
  }
  throw new KcgError('Unavailable', 'the endpoint answered GetRecords with something else', {
    cause,
    fix: 'Check that the endpoint is a Kinesis endpoint, and what is in between.',
  });
}

/** Has it records, in JSON? */
export function isJsonAnswer({ status, isCbor, body }: Answer): boolean {
  if (status !== 200 || isCbor) return false;
  try {
    return readJsonAnswer(body) !== undefined;
  } catch {
    return false;
  }
}

/** @throws when it is neither */
function readMembers(body: Buffer, isCbor: boolean): Record<string, unknown> {
  if (body.length === 0) return {};
  const value = isCbor ? new CborReader(body).value() : (JSON.parse(body.toString('utf8')) as unknown);
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
