import { hostOf, reachability, type AwsCall, type Finding } from './aws-call.ts';
import type { SdkError } from './aws-sdk-error.ts';

export function networkFailure(code: string, error: SdkError, call: AwsCall): Finding {
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
