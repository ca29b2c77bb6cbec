import { KcgError, type ErrorCode } from '../lib/errors.ts';
import { hostOf, reachability, serviceOf, type AwsCall, type Finding } from './call.ts';
import { AWS_ERROR_CODES } from './error-codes.ts';
import { isProgrammingError, networkFailure } from './network-failures.ts';
import { accessDenied, badCredentials, noCredentials } from './refusals.ts';
import { readSdkError, type SdkError } from './sdk-error.ts';

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

function classify(error: SdkError, call: AwsCall): Finding {
  // The SDK calls a reset connection a TimeoutError, too.
  const byName =
    error.name === 'TimeoutError' && error.code !== undefined ? undefined : AWS_ERROR_CODES[error.name];
  if (byName) return byCode(byName, error, call);
  if (error.path !== undefined) return noCredentials(error, call);
  if (error.code !== undefined && isProgrammingError(error.code)) {
    return { code: 'Internal', message: `${call.action} failed: ${error.message} (${error.code})` };
  }
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

function noAwsAnswer(error: SdkError, call: AwsCall): Finding {
  const where = hostOf(call) ?? 'the endpoint';
  const message = `${where} gave an answer to ${call.action} that is not the service's: ${error.message.slice(0, 200)}`;
  return {
    code: 'Unavailable',
    message,
    fix: `Check that the endpoint is a ${serviceOf(call)} endpoint, and what is in between.`,
  };
}
