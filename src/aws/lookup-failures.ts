import type { AwsCall, Finding } from './call.ts';
import { sourceInWords, type LookupFailure } from './credentials-lookup.ts';
import type { SdkError } from './sdk-error.ts';

const NO_ROLE =
  'Give the pod an IAM role (IRSA: eks.amazonaws.com/role-arn on its service account; or EKS Pod Identity), ' +
  'or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.';

/** `Credentials`: the SDK had none to sign with, so the call was not tried. */
export function noCredentials(error: SdkError, { action }: AwsCall): Finding {
  const message = `${action} was not tried, as there are no credentials: ${error.message}`;
  return { code: 'Credentials', message, fix: NO_ROLE };
}

/** The source that was asked says nothing: of the metadata service that is how it tells a pod that it is not for it. */
export function silentSource({ source, waitedMs }: LookupFailure, { action }: AwsCall): Finding {
  const where = sourceInWords(source);
  if (source === 'fromInstanceMetadata') {
    const message = `${action} was not tried, as there are no credentials: ${where} does not answer`;
    const fix = `${NO_ROLE} To use the node's role, let pods reach its metadata service (a hop limit of 2).`;
    return { code: 'Credentials', message, fix };
  }
  const silence = waitedMs === undefined ? 'does not answer' : `has not answered in ${waitedMs} ms`;
  return {
    code: 'Unavailable',
    message: `${action} was not tried, as there are no credentials yet: ${where} ${silence}`,
    fix: `Check that ${where} can be reached from the pod: network policy, VPC endpoint, proxy.`,
  };
}

/** The call that fetches credentials, as AWS knows it: what failed is that one, at its own endpoint. */
export function lookupCall(call: AwsCall, { source }: LookupFailure): AwsCall {
  const action = source === 'fromTokenFile' ? 'sts:AssumeRoleWithWebIdentity' : ACTIONS[source ?? ''];
  return { ...call, action: action ?? 'sts:AssumeRole', endpoint: undefined };
}

const ACTIONS: Record<string, string> = { fromSSO: 'sso:GetRoleCredentials' };

/** A failure of `lookupCall` as the reason why `call` was not made. */
export function notTried({ code, message, fix }: Finding, { action }: AwsCall): Finding {
  const why = `${action} was not tried, as there are no credentials yet: ${message}`;
  return { code, message: why, ...(fix === undefined ? {} : { fix }) };
}
