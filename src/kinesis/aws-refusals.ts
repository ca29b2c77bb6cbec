import type { AwsCall, Finding } from './aws-call.ts';
import type { SdkError } from './aws-sdk-error.ts';

export function accessDenied(error: SdkError, call: AwsCall): Finding {
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

export function badCredentials(error: SdkError, call: AwsCall): Finding {
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
