import { KcgError, type ErrorCode } from '../../lib/errors.ts';
import { DENIED, KINDS, OVER_QUOTA } from '../cluster.ts';

/** What a request was, for messages. */
export interface RequestSubject {
  /** RBAC verb: get, list, watch, create, update, patch, delete. */
  verb: string;
  /** `deployments shop/orders`. */
  resource: string;
}

/** The parts of a metav1.Status we read. */
export interface KubeStatus {
  message?: string;
  reason?: string;
  details?: { causes?: { reason?: string; message?: string; field?: string }[]; retryAfterSeconds?: number };
}

/** Of a write that somebody else was before. */
export function messageOf(body: unknown): string {
  return (body as KubeStatus | undefined)?.message ?? 'the object was changed or deleted by others';
}

/** The longest a server may make us wait, ms. */
const MAX_RETRY_AFTER_MS = 30_000;

const CODES: Readonly<Record<number, ErrorCode>> = {
  400: 'InvalidInput',
  401: 'Credentials',
  403: 'AccessDenied',
  404: 'NotFound',
  405: 'InvalidInput',
  409: 'Conflict',
  410: 'Conflict',
  413: 'InvalidInput',
  415: 'InvalidInput',
  422: 'InvalidInput',
  429: 'Throttled',
  504: 'Timeout',
};

const FIXES: Partial<Record<ErrorCode, (subject: RequestSubject) => string>> = {
  AccessDenied: ({ verb, resource }) =>
    `Allow "${verb}" on ${resource.split(' ')[0]} in the role of the operator's service account.`,
  Credentials: () => 'Check the token or client certificate in use.',
};

/** What the API server answers where it serves no such kind; an object that is not there is answered with its name. */
const UNSERVED = /^404 page not found|^the server could not find the requested resource$/;

/** Whether the answer says that the cluster knows no such kind, rather than that there is no such object. */
export function isUnserved(statusCode: number, body: unknown): boolean {
  return statusCode === 404 && UNSERVED.test(wordsOf(body) ?? '');
}

const OURS: ReadonlySet<string> = new Set([KINDS.consumerGroup.plural, KINDS.offsetReset.plural]);

function unserved({ verb, resource }: RequestSubject): KcgError {
  const [plural = ''] = resource.split(' ');
  return new KcgError('NotFound', `cannot ${verb} ${resource}: the cluster does not know ${plural}`, {
    resource,
    fix: OURS.has(plural)
      ? 'Install the definitions, of the release that you run: kubectl apply --server-side --force-conflicts -f crds.'
      : undefined,
  });
}

/** A quota or another admission plugin said no. Authorization does so in the same words, and names who may not. */
const FORBIDDEN = /is forbidden: (?!User ")/;

/** An answer that is not a success. `retryAfter` is the header's value, seconds. */
export function statusError(
  { statusCode, body, retryAfter }: { statusCode: number; body: unknown; retryAfter?: string | undefined },
  subject: RequestSubject,
): KcgError {
  if (isUnserved(statusCode, body)) return unserved(subject);
  const status = statusOf(body);
  const code = codeOf(statusCode, status);
  const seconds = Number(retryAfter ?? status.details?.retryAfterSeconds ?? Number.NaN);
  return new KcgError(
    code,
    `cannot ${subject.verb} ${subject.resource}: ${wordsOf(body) ?? `the API server answered ${statusCode}`}`,
    {
      resource: subject.resource,
      fix: FIXES[code]?.(subject),
      // A proxy may say 0, and a loop would ask without a pause.
      retryAfterMs: seconds > 0 ? Math.min(seconds * 1_000, MAX_RETRY_AFTER_MS) : undefined,
    },
  );
}

function statusOf(body: unknown): KubeStatus {
  return typeof body === 'object' && body !== null ? body : {};
}

function wordsOf(body: unknown): string | undefined {
  if (typeof body === 'string') return body.trim().slice(0, 500) || undefined;
  return statusOf(body).message;
}

/** Server-side apply of a field that the schema does not have, or of a value that is none of its type (`memory: 512mb`): a 500. */
const MISTYPED = /failed to create typed patch object|unable to convert unstructured object/;

function codeOf(statusCode: number, { message = '', details }: KubeStatus): ErrorCode {
  if (statusCode === 500 && MISTYPED.test(message)) return 'InvalidInput';
  if (statusCode === 403 && details?.causes?.some(({ reason }) => reason === 'NamespaceTerminating'))
    return 'Conflict';
  // No role of ours would help.
  if (statusCode === 403 && (FORBIDDEN.test(message) || DENIED.test(message)))
    return OVER_QUOTA.test(message) ? 'LimitExceeded' : 'InvalidInput';
  return CODES[statusCode] ?? (statusCode >= 500 ? 'Unavailable' : 'Internal');
}

/** A request that got no answer. */
export function networkError(thrown: unknown, { verb, resource }: RequestSubject): KcgError {
  if (thrown instanceof KcgError) return thrown;
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  if (error.name === 'AbortError') return new KcgError('Aborted', error.message, { cause: error });
  const reason = (error as { code?: string }).code ?? error.name;
  const code: ErrorCode = /TIMEOUT|ETIMEDOUT/.test(reason)
    ? 'Timeout'
    : isTrust(reason)
      ? 'Credentials'
      : 'Unavailable';
  return new KcgError(code, `cannot ${verb} ${resource}: ${error.message || reason}`, {
    cause: error,
    resource,
    fix: isTrust(reason) ? 'Check the certificate authority of the cluster in the kubeconfig.' : undefined,
  });
}

/** True when the request cannot have reached the server. */
export function wasNeverSent({ cause }: KcgError): boolean {
  const { code } = (cause ?? {}) as { code?: string };
  return (
    code === 'ECONNREFUSED' ||
    code === 'ENOTFOUND' ||
    code === 'EAI_AGAIN' ||
    code === 'UND_ERR_CONNECT_TIMEOUT'
  );
}

function isTrust(reason: string): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_(VERIFY|GET)|ERR_TLS/.test(reason);
}
