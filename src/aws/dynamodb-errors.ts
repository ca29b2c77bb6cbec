import type { AwsCall } from './call.ts';
import { translateAwsError } from './errors.ts';
import { deniedIn } from './refusals.ts';
import { KcgError, type ErrorCode } from '../lib/errors.ts';

/** Names that only DynamoDB uses. Source: its API reference, actions that kcg calls. */
const CODES: Record<string, ErrorCode> = {
  TableNotFoundException: 'NotFound',
  TableInUseException: 'Conflict',
  TableAlreadyExistsException: 'Conflict',
  TransactionConflictException: 'Conflict',
  ReplicatedWriteConflictException: 'Conflict',
  // Right after a table was created its backups cannot be set yet.
  ContinuousBackupsUnavailableException: 'Conflict',
  ItemCollectionSizeLimitExceededException: 'LimitExceeded',
};

/** Any failure of a DynamoDB call as a KcgError with what to do about it. */
export function translateDynamoDbError(thrown: unknown, call: AwsCall): KcgError {
  const { name, message } = namedError(thrown);
  const own = CODES[name];
  const error = own
    ? new KcgError(own, `${call.action} failed: ${message}`, { cause: thrown, resource: call.resource })
    : translateAwsError(thrown, call);
  const fix = fixOf(name, error, call);
  if (fix === undefined) return error;
  const { code, resource, retryAfterMs } = error;
  return new KcgError(code, error.message, { cause: error.cause, resource, fix, retryAfterMs });
}

/** What to do where it differs from other services. */
function fixOf(name: string, error: KcgError, call: AwsCall): string | undefined {
  // Where AWS names the action that is missing, that says more.
  if (!deniedIn(error.message) && (name.startsWith('KMS') || /\bKMS\b/.test(error.message))) {
    return `Enable the KMS key of ${call.resource} and allow kms:Decrypt on it for ${call.principal}.`;
  }
  if (error.code === 'NotFound') {
    return 'Check the name of the table, the region and the account; with management: Managed the operator creates it.';
  }
  if (name === 'ProvisionedThroughputExceededException') {
    return `Give ${call.resource} more capacity, or set its billing mode to OnDemand.`;
  }
  return undefined;
}

function namedError(thrown: unknown): { name: string; message: string } {
  return thrown instanceof Error
    ? { name: thrown.name, message: thrown.message }
    : { name: '', message: String(thrown) };
}
