import type { ReasonOf } from '../api/conditions.ts';
import type { ImportRecord } from '../leases/import-record.ts';
import { describeError, type ErrorCode, type KcgError } from '../lib/errors.ts';
import type { SourceLook } from './import-source.ts';

/** How an import stands after a step. */
export interface ImportProgress {
  reason: ReasonOf<'PositionsImported'>;
  /** For people: what is so, and what to do. */
  message: string;
  /** The rows are what workers are to begin with. */
  isSettled: boolean;
  record?: ImportRecord | undefined;
  /** This step has written the last of it. */
  isNew?: boolean;
  /** When another step is worth it, ms; undefined = when a person has done something, or never. */
  againInMs?: number;
  look?: SourceLook | undefined;
  error?: KcgError;
}

/** What the codes of errors of a source mean; any other one: it did not answer. */
const REASONS: Partial<Record<ErrorCode, ReasonOf<'PositionsImported'>>> = {
  NotFound: 'SourceNotFound',
  AccessDenied: 'SourceAccessDenied',
  Credentials: 'SourceCredentials',
  InvalidInput: 'SourceRefused',
  Conflict: 'SourceRefused',
  Unsupported: 'SourceRefused',
};

const RETRY_MS = 30_000;

/** The source cannot be looked at. */
export function sourceFailed(name: string, error: KcgError): ImportProgress {
  const reason = REASONS[error.code] ?? 'SourceUnreachable';
  const isTable = error.code === 'NotFound' && error.resource?.startsWith('table ');
  const message = isTable ? describeError(error) : `${name}: ${describeError(error)}`;
  return { reason, message, isSettled: false, againInMs: error.retryAfterMs ?? RETRY_MS, error };
}
