import type { AwsCall } from '../../aws/call.ts';
import { translateAwsError } from '../../aws/errors.ts';
import { deniedIn } from '../../aws/refusals.ts';
import { KcgError, type ErrorCode } from '../../lib/errors.ts';

/** Names that SQS, SNS and S3 use and others do not. Source: their API references, actions that kcg calls. */
const CODES: Record<string, ErrorCode> = {
  // SQS
  QueueDoesNotExist: 'NotFound',
  'AWS.SimpleQueueService.NonExistentQueue': 'NotFound',
  InvalidAddress: 'NotFound',
  InvalidMessageContents: 'InvalidInput',
  UnsupportedOperation: 'InvalidInput',
  InvalidSecurity: 'AccessDenied',
  OverLimit: 'Throttled',
  'KMS.ThrottlingException': 'Throttled',
  KmsThrottled: 'Throttled',
  KmsAccessDenied: 'AccessDenied',
  KmsDisabled: 'AccessDenied',
  KmsInvalidKeyUsage: 'AccessDenied',
  KmsInvalidState: 'AccessDenied',
  KmsNotFound: 'AccessDenied',
  KmsOptInRequired: 'AccessDenied',
  // SNS
  NotFound: 'NotFound',
  NotFoundException: 'NotFound',
  AuthorizationError: 'AccessDenied',
  AuthorizationErrorException: 'AccessDenied',
  KMSThrottling: 'Throttled',
  KMSAccessDenied: 'AccessDenied',
  KMSDisabled: 'AccessDenied',
  KMSInvalidState: 'AccessDenied',
  KMSNotFound: 'AccessDenied',
  InvalidParameter: 'InvalidInput',
  InvalidParameterException: 'InvalidInput',
  InternalError: 'Unavailable',
  InternalErrorException: 'Unavailable',
  // S3
  NoSuchBucket: 'NotFound',
  NoSuchKey: 'NotFound',
  AllAccessDisabled: 'AccessDenied',
  AccountProblem: 'AccessDenied',
  InvalidAccessKeyId: 'Credentials',
  RequestTimeTooSkewed: 'Credentials',
  OperationAborted: 'Unavailable',
};

export interface DestinationCall extends AwsCall {
  /** What to do when it is not there. */
  ifGone: string;
}

/** Any failure of a call to where batches go that are given up, as a KcgError with what to do about it. */
export function translateDestinationError(thrown: unknown, call: DestinationCall): KcgError {
  const { name, message } = thrown instanceof Error ? thrown : { name: '', message: String(thrown) };
  const own = CODES[name];
  const told = message === '' || message === 'UnknownError' ? name : message;
  // The words of what is denied are the same for all services.
  const error =
    own === undefined || own === 'AccessDenied' || own === 'Credentials'
      ? translateAwsError(own ? renamed(thrown as Error, own) : thrown, call)
      : new KcgError(own, `${call.action} failed: ${told}`, { cause: thrown, resource: call.resource });
  const { code, resource, retryAfterMs } = error;
  const fix = fixOf(name, error, call) ?? error.fix;
  return new KcgError(code, error.message, { cause: error.cause, resource, fix, retryAfterMs });
}

/** What to do where it differs from other services. */
function fixOf(name: string, { code, message }: KcgError, call: DestinationCall): string | undefined {
  if (code === 'NotFound') return call.ifGone;
  if (code === 'AccessDenied' && !deniedIn(message) && /^kms/i.test(name)) {
    return `Enable the KMS key of ${call.resource} and allow kms:GenerateDataKey and kms:Decrypt on it for ${call.principal}.`;
  }
  return undefined;
}

function renamed(error: Error, code: ErrorCode): Error {
  const name = code === 'Credentials' ? 'InvalidClientTokenId' : 'AccessDenied';
  return Object.assign(new Error(error.message, { cause: error }), { name });
}
