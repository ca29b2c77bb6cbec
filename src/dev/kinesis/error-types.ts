import type { ErrorCode, KcgError } from '../../lib/errors.ts';

const TYPES: Record<ErrorCode, string> = {
  Aborted: 'InternalFailure',
  AccessDenied: 'AccessDeniedException',
  Conflict: 'ResourceInUseException',
  Credentials: 'UnrecognizedClientException',
  ExpiredIterator: 'ExpiredIteratorException',
  HandlerFailed: 'InternalFailure',
  Internal: 'InternalFailure',
  InvalidInput: 'InvalidArgumentException',
  LimitExceeded: 'LimitExceededException',
  NotFound: 'ResourceNotFoundException',
  Throttled: 'ProvisionedThroughputExceededException',
  Timeout: 'InternalFailure',
  Unavailable: 'ServiceUnavailable',
  Unsupported: 'UnknownOperationException',
};

/** What is ValidationException instead of InvalidArgumentException. */
const VALIDATION = /^1 validation error|is in ON_DEMAND mode/;

/** The service's name for an error, as in `__type`. */
export function awsErrorType(error: KcgError, operation: string): string {
  if (error.code === 'InvalidInput' && VALIDATION.test(error.message)) return 'ValidationException';
  if (error.code === 'ExpiredIterator' && operation === 'ListShards') return 'ExpiredNextTokenException';
  return TYPES[error.code];
}

/** 400 for all but the service's own failures, 500 and 503; throttling is 400 too. */
export function httpStatusOf(type: string): number {
  if (type === 'InternalFailure') return 500;
  return type === 'ServiceUnavailable' ? 503 : 400;
}

const IN_STREAM = /^(ResourceNotFoundException|ResourceInUseException|KMS\w+)$/;

/** The name of an error within an event stream, where the service knows fewer. */
export function inStreamType(error: KcgError): string {
  const type = awsErrorType(error, 'SubscribeToShard');
  return IN_STREAM.test(type) ? type : 'InternalFailureException';
}
