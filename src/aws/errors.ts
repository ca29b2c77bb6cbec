import { KcgError, type ErrorCode } from '../lib/errors.ts';
import { hostOf, reachability, serviceOf, type AwsCall, type Finding } from './call.ts';
import { AWS_ERROR_CODES } from './error-codes.ts';
import { isProgrammingError, networkFailure } from './network-failures.ts';
import { CredentialsLookupError } from './credentials-lookup.ts';
import { lookupCall, noCredentials, notTried, silentSource } from './lookup-failures.ts';
import { accessDenied, badCredentials } from './refusals.ts';
import { readSdkError, type SdkError } from './sdk-error.ts';

/** Any failure of an AWS call as a KcgError with what to do about it. */
export function translateAwsError(thrown: unknown, call: AwsCall): KcgError {
  if (thrown instanceof KcgError) return thrown.code === 'Timeout' ? deadlineError(thrown, call) : thrown;
  const finding =
    thrown instanceof CredentialsLookupError
      ? lookupFailure(thrown, call)
      : classify(readSdkError(thrown), call);
  const { code, message, fix } = finding;
  return new KcgError(code, message, { cause: thrown, resource: call.resource, fix });
}

/** Failures that are those of a call are told as such only where the call is `call`; what refuses credentials is the same for both. */
function lookupFailure({ failure }: CredentialsLookupError, call: AwsCall): Finding {
  const { cause, silent, waitedMs } = failure;
  if (cause instanceof KcgError) {
    const { code, message, fix } = cause;
    return notTried({ code, message, ...(fix === undefined ? {} : { fix }) }, call);
  }
  const error = readSdkError(cause);
  const isAtEnd = error.name === 'CredentialsProviderError';
  if (waitedMs !== undefined || (silent && isAtEnd)) return silentSource(failure, call);
  const found = classify(error, lookupCall(call, failure));
  return isRefusal(found.code) ? classify(error, call) : notTried(found, call);
}

function isRefusal(code: ErrorCode): boolean {
  return code === 'Credentials' || code === 'AccessDenied';
}

/** Our own deadline passed: as a Timeout of the SDK would be told. */
function deadlineError(error: KcgError, call: AwsCall): KcgError {
  return new KcgError('Timeout', error.message, {
    cause: error,
    resource: call.resource,
    fix: reachability(call),
  });
}

function classify(error: SdkError, call: AwsCall): Finding {
  // The SDK calls a reset connection a TimeoutError, too.
  if (error.name === 'TimeoutError') return networkFailure(error.code ?? 'ETIMEDOUT', error, call);
  // Emulators give it the name of a failure that passes.
  if (error.status === 501) return unknownOperation(error, call);
  const byName = AWS_ERROR_CODES[error.name];
  if (byName) return byCode(byName, error, call);
  if (error.path !== undefined) return noCredentials(error, call);
  if (error.code !== undefined && isProgrammingError(error.code)) {
    return { code: 'Internal', message: `${call.action} failed: ${error.message} (${error.code})` };
  }
  if (error.code !== undefined) return networkFailure(error.code, error, call);
  if (error.message.startsWith('Invalid Configuration')) return badConfiguration(error, call);
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
    const message = `${call.action} got no answer in time: ${error.message}`;
    return { code, message, fix: reachability(call) };
  }
  if (code === 'Unsupported') return unknownOperation(error, call);
  if (error.attempts === 1) return { code, message: `${call.action} failed: ${error.message}` };
  const message = `${call.action} failed ${error.attempts} times: ${error.message}`;
  return { code, message, fix: 'Try again in a minute.' };
}

/** Of AWS itself nobody has heard this; emulators know some operations only, and proxies' pages none. */
function unknownOperation({ name, message }: SdkError, call: AwsCall): Finding {
  const where = hostOf(call) ?? 'the endpoint';
  const words = message === 'UnknownError' || message === name ? name : `${name}: ${message.slice(0, 200)}`;
  return {
    code: 'Unsupported',
    message: `${where} does not know ${call.action} (${words})`,
    fix: `Check that the endpoint is a ${serviceOf(call)} endpoint; an emulator may know more in a later version.`,
  };
}

/** FIPS and dual-stack endpoints are the SDK's own choice: beside an endpoint that is named there is nothing to choose. */
function badConfiguration({ message }: SdkError, call: AwsCall): Finding {
  return {
    code: 'InvalidInput',
    message: `${call.action} was not tried: ${message}`,
    fix:
      'Name the endpoint in spec.endpoints, which goes before both, or unset AWS_ENDPOINT_URL and its kind, or ' +
      'AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT.',
  };
}

function noAwsAnswer(error: SdkError, call: AwsCall): Finding {
  const where = hostOf(call) ?? 'the endpoint';
  const scheme =
    error.status === 400 && call.endpoint?.startsWith('http:') ? 'If it speaks TLS, write https://. ' : '';
  const message = `${where} gave an answer to ${call.action} that is not the service's: ${error.message.slice(0, 200)}`;
  return {
    code: 'Unavailable',
    message,
    fix: `${scheme}Check that the endpoint is a ${serviceOf(call)} endpoint, and what is in between.`,
  };
}
