/**
 * What went wrong, as far as the caller needs to know to decide what to do next.
 * Vendor files translate their SDK's errors into one of these; nothing else inspects an SDK error.
 */
export type ErrorCode =
  | 'Aborted' // the caller asked to stop
  | 'AccessDenied' // credentials are valid but may not do this
  | 'Conflict' // the resource is in a state or in somebody's hands that forbids it
  | 'Credentials' // missing, expired or wrong credentials
  | 'ExpiredIterator' // a shard iterator is older than five minutes
  | 'HandlerFailed' // the user's handler threw or answered with an error
  | 'Internal' // a bug of ours or an answer that makes no sense
  | 'InvalidInput' // the request can never succeed as it is
  | 'LimitExceeded' // an account quota is used up
  | 'NotFound' // the resource does not exist
  | 'Throttled' // too fast; the same request works later
  | 'Timeout' // no answer in time; the effect is unknown
  | 'Unavailable' // the network or the service failed; the effect is unknown
  | 'Unsupported'; // the endpoint does not know the operation, as emulators do not know them all

const RETRYABLE: ReadonlySet<ErrorCode> = new Set([
  'Throttled',
  'Timeout',
  'Unavailable',
  'LimitExceeded',
  'Internal',
  'ExpiredIterator',
]);

export interface ErrorDetails {
  cause?: unknown;
  /** What it happened on, as a user would name it: `table kinesis-checkpoints-shop-orders`. */
  resource?: string | undefined;
  /** What to do about it, an imperative sentence. */
  fix?: string | undefined;
  /** Ms the service asked to wait. */
  retryAfterMs?: number | undefined;
}

/** The one error class for failures of the outside world. Broken invariants use `assert` and crash instead. */
export class KcgError extends Error {
  readonly code: ErrorCode;
  readonly resource: string | undefined;
  readonly fix: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'KcgError';
    this.code = code;
    this.resource = details.resource;
    this.fix = details.fix;
    this.retryAfterMs = details.retryAfterMs;
  }

  /** Whatever was thrown, as a KcgError; unknown errors become `Internal` with their message. */
  static from(thrown: unknown): KcgError {
    if (thrown instanceof KcgError) return thrown;
    if (thrown instanceof Error) {
      const code = thrown.name === 'AbortError' ? 'Aborted' : 'Internal';
      return new KcgError(code, thrown.message, { cause: thrown });
    }
    return new KcgError('Internal', String(thrown), { cause: thrown });
  }
}

/** True when the same call may succeed later without anybody changing anything. */
export function isRetryable(error: KcgError): boolean {
  return RETRYABLE.has(error.code);
}

/** False for what is no KcgError, whatever `KcgError.from` would make of it. */
export function hasCode(thrown: unknown, ...codes: ErrorCode[]): thrown is KcgError {
  return thrown instanceof KcgError && codes.includes(thrown.code);
}

/** One line for people: message, resource and fix. */
export function describeError(thrown: unknown): string {
  const error = KcgError.from(thrown);
  const on = error.resource && !error.message.includes(error.resource) ? ` (${error.resource})` : '';
  const message = on === '' ? error.message : `${error.message.replace(/\.$/, '')}${on}`;
  return error.fix ? `${message.replace(/\.$/, '')}. ${error.fix}` : message;
}
