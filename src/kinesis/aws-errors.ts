import { KcgError, type ErrorCode } from '../lib/errors.ts';

/** What was being done when the SDK threw, for words a user can act on. */
export interface AwsCall {
  /** IAM action: `kinesis:GetRecords`. */
  action: string;
  /** ARN where known, else words: `stream orders in eu-west-1`. */
  resource: string;
  /** Whose credentials are used: `the worker's role`. */
  principal: string;
  /** The endpoint override, if any. */
  endpoint?: string | undefined;
}

/** The SDK's and services' names of errors. Source: the API references of Kinesis, KMS and STS, and botocore's lists. */
const CODES: Record<string, ErrorCode> = {
  ProvisionedThroughputExceededException: 'Throttled',
  ThrottlingException: 'Throttled',
  Throttling: 'Throttled',
  ThrottledException: 'Throttled',
  RequestLimitExceeded: 'Throttled',
  RequestThrottled: 'Throttled',
  RequestThrottledException: 'Throttled',
  TooManyRequestsException: 'Throttled',
  SlowDown: 'Throttled',
  KMSThrottlingException: 'Throttled',
  LimitExceededException: 'LimitExceeded',
  ResourceNotFoundException: 'NotFound',
  ResourceInUseException: 'Conflict',
  ExpiredIteratorException: 'ExpiredIterator',
  ExpiredNextTokenException: 'ExpiredIterator',
  AccessDeniedException: 'AccessDenied',
  AccessDenied: 'AccessDenied',
  UnauthorizedOperation: 'AccessDenied',
  OptInRequired: 'AccessDenied',
  KMSAccessDeniedException: 'AccessDenied',
  KMSOptInRequired: 'AccessDenied',
  KMSDisabledException: 'AccessDenied',
  KMSInvalidStateException: 'AccessDenied',
  KMSNotFoundException: 'AccessDenied',
  CredentialsProviderError: 'Credentials',
  TokenProviderError: 'Credentials',
  ProviderError: 'Credentials',
  UnrecognizedClientException: 'Credentials',
  InvalidClientTokenId: 'Credentials',
  InvalidIdentityToken: 'Credentials',
  InvalidIdentityTokenException: 'Credentials',
  ExpiredToken: 'Credentials',
  ExpiredTokenException: 'Credentials',
  MissingAuthenticationToken: 'Credentials',
  MissingAuthenticationTokenException: 'Credentials',
  IncompleteSignature: 'Credentials',
  IncompleteSignatureException: 'Credentials',
  InvalidSignatureException: 'Credentials',
  SignatureDoesNotMatch: 'Credentials',
  RequestExpired: 'Credentials',
  InvalidArgumentException: 'InvalidInput',
  ValidationException: 'InvalidInput',
  ValidationError: 'InvalidInput',
  SerializationException: 'InvalidInput',
  UnknownOperationException: 'InvalidInput',
  TimeoutError: 'Timeout',
  RequestTimeout: 'Timeout',
  RequestTimeoutException: 'Timeout',
  InternalFailure: 'Unavailable',
  InternalFailureException: 'Unavailable',
  InternalServerError: 'Unavailable',
  ServiceUnavailable: 'Unavailable',
  ServiceUnavailableException: 'Unavailable',
};

interface SdkError {
  name: string;
  message: string;
  /** Node's code of a network error. */
  code: string | undefined;
  address: string | undefined;
  status: number | undefined;
}

/** Any failure of an AWS call as a KcgError with what to do about it. */
export function translateAwsError(thrown: unknown, call: AwsCall): KcgError {
  if (thrown instanceof KcgError) return thrown.code === 'Timeout' ? deadlineError(thrown, call) : thrown;
  const error = readSdkError(thrown);
  const { code, message, fix } = classify(error, call);
  const { resource } = call;
  return new KcgError(code, message, { cause: thrown, resource, fix });
}

/** Our own deadline passed: as a Timeout of the SDK would be told. */
function deadlineError(error: KcgError, call: AwsCall): KcgError {
  return new KcgError('Timeout', error.message, {
    cause: error,
    resource: call.resource,
    fix: reachability(call),
  });
}

function readSdkError(thrown: unknown): SdkError {
  const raw = (
    typeof thrown === 'object' && thrown !== null ? thrown : { message: String(thrown) }
  ) as Record<string, unknown>;
  const { httpStatusCode } = (raw['$metadata'] ?? {}) as { httpStatusCode?: number };
  const address = raw['hostname'] ?? raw['address'];
  const { port } = raw as { port?: number };
  return {
    name: typeof raw['name'] === 'string' ? raw['name'] : 'Error',
    message:
      typeof raw['message'] === 'string' && raw['message'] !== '' ? firstLine(raw['message']) : 'no message',
    code: typeof raw['code'] === 'string' ? raw['code'] : undefined,
    address: typeof address === 'string' ? (port === undefined ? address : `${address}:${port}`) : undefined,
    status: httpStatusCode,
  };
}

/** The SDK adds hints for its own debugging on further lines. */
function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? message;
}

interface Finding {
  code: ErrorCode;
  message: string;
  fix?: string;
}

function classify(error: SdkError, call: AwsCall): Finding {
  // The SDK calls a reset connection a TimeoutError, too.
  const byName = error.name === 'TimeoutError' && error.code !== undefined ? undefined : CODES[error.name];
  if (byName) return byCode(byName, error, call);
  if (error.code !== undefined) return networkFailure(error.code, error, call);
  if (error.message.includes('Region is missing')) {
    return { code: 'InvalidInput', message: 'no AWS region is set', fix: 'Set spec.region, or AWS_REGION.' };
  }
  if (error.status !== undefined && error.status >= 500) return byCode('Unavailable', error, call);
  if (error.status === 429) return byCode('Throttled', error, call);
  if (error.status === 401 || error.status === 403) return byCode('AccessDenied', error, call);
  if (error.name === 'SyntaxError' || error.status !== undefined) return noAwsAnswer(error, call);
  return { code: 'Internal', message: `${call.action} failed: ${error.message}` };
}

function byCode(code: ErrorCode, error: SdkError, call: AwsCall): Finding {
  if (code === 'AccessDenied') return accessDenied(error, call);
  if (code === 'Credentials') return badCredentials(error, call);
  if (code === 'NotFound')
    return { code, message: error.message, fix: 'Check the name, the region and the account.' };
  if (code === 'Timeout') {
    return {
      code,
      message: `${call.action} got no answer in time: ${error.message}`,
      fix: reachability(call),
    };
  }
  if (error.name === 'UnknownOperationException') return noAwsAnswer(error, call);
  return { code, message: `${call.action} failed: ${error.message}` };
}

function accessDenied(error: SdkError, call: AwsCall): Finding {
  const message = `${call.action} was denied: ${error.message}`;
  if (error.name.startsWith('KMS')) {
    const fix = `Enable the stream's KMS key and allow kms:Decrypt on it for ${call.principal}.`;
    return { code: 'AccessDenied', message, fix };
  }
  return {
    code: 'AccessDenied',
    message,
    fix: `Allow ${call.action} on ${call.resource} for ${call.principal}.`,
  };
}

function badCredentials(error: SdkError, call: AwsCall): Finding {
  const message = `${call.action} was turned away for its credentials: ${error.message}`;
  if (/Signature (expired|not yet current)|RequestExpired/.test(`${error.message} ${error.name}`)) {
    return {
      code: 'Credentials',
      message,
      fix: "Correct this machine's clock; AWS accepts five minutes of difference.",
    };
  }
  if (error.name.endsWith('ProviderError')) {
    const fix =
      'Give the pod an IAM role (IRSA: eks.amazonaws.com/role-arn on its service account; or EKS Pod Identity), ' +
      'or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.';
    const none = `${call.action} was not tried, as there are no credentials: ${error.message}`;
    return { code: 'Credentials', message: none, fix };
  }
  if (error.name.startsWith('ExpiredToken')) {
    return { code: 'Credentials', message, fix: `Renew the session token of ${call.principal}.` };
  }
  return {
    code: 'Credentials',
    message,
    fix: `Check the access key, secret and session token of ${call.principal}.`,
  };
}

function networkFailure(code: string, error: SdkError, call: AwsCall): Finding {
  const where = hostOf(call) ?? error.address ?? 'the AWS endpoint';
  if (code === 'ETIMEDOUT' || code === 'ESOCKETTIMEDOUT') {
    return {
      code: 'Timeout',
      message: `${where} did not answer ${call.action} in time`,
      fix: reachability(call),
    };
  }
  if (code.startsWith('CERT_') || code.startsWith('ERR_TLS') || code.includes('CERT')) {
    const fix = 'Trust its certificate authority with NODE_EXTRA_CA_CERTS, or correct the endpoint.';
    return { code: 'Unavailable', message: `${where} has a certificate that is not trusted (${code})`, fix };
  }
  if (code === 'ENOTFOUND') {
    const fix = 'Check the endpoint and the region, and that DNS works in the pod.';
    return { code: 'Unavailable', message: `${where} has no address (${code})`, fix };
  }
  return { code: 'Unavailable', message: `${where} cannot be reached (${code})`, fix: reachability(call) };
}

function noAwsAnswer(error: SdkError, call: AwsCall): Finding {
  const where = hostOf(call) ?? 'the endpoint';
  const message = `${where} gave an answer to ${call.action} that is not the service's: ${error.message.slice(0, 200)}`;
  return {
    code: 'Unavailable',
    message,
    fix: 'Check that the endpoint is a Kinesis endpoint, and what is in between.',
  };
}

function reachability(call: AwsCall): string {
  const endpoint = call.endpoint === undefined ? '' : 'the endpoint, and ';
  return `Check ${endpoint}that ${hostOf(call) ?? "the region's endpoint"} can be reached from the pod: network policy, VPC endpoint, proxy.`;
}

function hostOf({ endpoint }: AwsCall): string | undefined {
  if (endpoint === undefined || !URL.canParse(endpoint)) return endpoint;
  const { host, port, protocol } = new URL(endpoint);
  return port === '' ? `${host}:${protocol === 'https:' ? 443 : 80}` : host;
}
