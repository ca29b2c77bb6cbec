import { hostOf, type AwsCall, type Finding } from './call.ts';
import { noCredentials } from './lookup-failures.ts';
import type { SdkError } from './sdk-error.ts';

/** `AccessDenied`, or `Credentials` when it was STS that refused: the call itself was not tried then. */
export function accessDenied(error: SdkError, call: AwsCall): Finding {
  const denied = deniedIn(error.message);
  if (denied?.action.startsWith('sts:')) return roleRefused(error, call, trustFix(denied, call));
  const message = `${call.action} was denied: ${error.message}`;
  if (denied) return { code: 'AccessDenied', message, fix: allowFix(denied, call, error.message) };
  const fix = error.name.startsWith('KMS')
    ? `Enable the stream's KMS key and allow kms:Decrypt on it for ${call.principal}.`
    : allowFix({ action: call.action, resource: call.resource }, call, error.message);
  return { code: 'AccessDenied', message, fix };
}

interface Denied {
  action: string;
  resource: string | undefined;
}

/** What AWS itself says is missing, which need not be the call: a key's policy, a role's trust. */
export function deniedIn(message: string): Denied | undefined {
  const match = /not authorized to perform:? ([\w-]+:\w+)(?: on resource:? ["']?([^\s"']+))?/i.exec(message);
  const action = match?.[1];
  return action === undefined ? undefined : { action, resource: match?.[2]?.replace(/[.,;)]+$/, '') };
}

function allowFix({ action, resource }: Denied, call: AwsCall, message: string): string {
  const on = resource ?? (action === call.action ? call.resource : undefined);
  // It is of another account, or a key: no policy of the caller is enough.
  const where = /no resource-based policy allows/i.test(message) ? ', in the policy of that resource' : '';
  return `Allow ${action}${on === undefined ? '' : ` on ${on}`} for ${call.principal}${where}.`;
}

function trustFix({ action, resource }: Denied, { principal }: AwsCall): string {
  return action === 'sts:AssumeRoleWithWebIdentity'
    ? `Let the trust policy of ${principal} allow ${action} to the pod's service account: the cluster's OIDC provider, ` +
        'and in its conditions the right namespace, name and audience.'
    : `Let the trust policy of ${resource ?? principal} allow ${action} to the caller, and a policy of the caller, too.`;
}

/** Credentials, not AccessDenied: what the role may do was never looked at, and a new trust policy takes effect late. */
function roleRefused(error: SdkError, { action }: AwsCall, fix: string): Finding {
  const message = `${action} was not tried, as STS did not give the role: ${error.message}`;
  return { code: 'Credentials', message, fix };
}

/** `Credentials`, or `InvalidInput` when they are right and signed for another region. */
export function badCredentials(error: SdkError, call: AwsCall): Finding {
  if (/scoped to a valid region/i.test(error.message)) return wrongRegion(error, call);
  const message = `${call.action} was turned away for its credentials: ${error.message}`;
  if (/Signature (expired|not yet current)|RequestExpired/.test(`${error.message} ${error.name}`)) {
    return {
      code: 'Credentials',
      message,
      fix: "Correct this machine's clock; AWS accepts five minutes of difference.",
    };
  }
  if (error.name.endsWith('ProviderError')) return noCredentials(error, call);
  if (/^(InvalidIdentityToken|IDPRejectedClaim)/.test(error.name)) {
    const fix =
      `Create the cluster's OIDC provider (audience sts.amazonaws.com) in IAM, in the account of ${call.principal}, ` +
      "and name it in the role's trust policy.";
    return roleRefused(error, call, fix);
  }
  if (error.name.startsWith('ExpiredToken') && error.message.startsWith('Token expired')) {
    const fix = "Check the node's clock, and that the kubelet renews the token of the pod's service account.";
    return roleRefused(error, call, fix);
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

/** InvalidInput, not Credentials: they are right, and signed for a region that the endpoint is not of. */
function wrongRegion(error: SdkError, call: AwsCall): Finding {
  const region = /region, not ["']?([\w-]+)/i.exec(error.message)?.[1] ?? call.region;
  const where = hostOf(call) ?? 'the endpoint';
  return {
    code: 'InvalidInput',
    message: `${call.action} was signed for another region than that of ${where}: ${error.message}`,
    fix: `Correct the region${region === undefined ? '' : ` ${region}`} (spec.region, or AWS_REGION), or the endpoint.`,
  };
}
