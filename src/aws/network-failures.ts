import { hostOf, reachability, type AwsCall, type Finding } from './call.ts';
import type { SdkError } from './sdk-error.ts';

/** OpenSSL's reasons to refuse a certificate, and Node's own. Source: Node's TLS documentation, "X509 certificate error codes". */
const CERTIFICATE = /CERT|^UNABLE_TO_|^INVALID_(CA|PURPOSE)$|^HOSTNAME_MISMATCH$/;
/** Of Node's own codes those few that a connection can end with; the rest are misuse of an API. */
const NODE_NETWORK =
  /^ERR_(SSL_|SOCKET_(CLOSED|CONNECTION)|TLS_(CERT|HANDSHAKE)|STREAM_(PREMATURE_CLOSE|DESTROYED))/;

/** True for codes of Node that say nothing about the network: a wrong argument, a URL or a header that cannot be. */
export function isProgrammingError(code: string): boolean {
  return code.startsWith('ERR_') && !NODE_NETWORK.test(code);
}

/** `Timeout` for Node's `ETIMEDOUT` and `ESOCKETTIMEDOUT`, `Unavailable` for every other code. */
export function networkFailure(code: string, error: SdkError, call: AwsCall): Finding {
  const where = hostOf(call) ?? error.address ?? 'the AWS endpoint';
  if (code === 'ETIMEDOUT' || code === 'ESOCKETTIMEDOUT') {
    return {
      code: 'Timeout',
      message: `${where} did not answer ${call.action} in time`,
      fix: reachability(call),
    };
  }
  if (CERTIFICATE.test(code)) {
    const fix = 'Trust its certificate authority with NODE_EXTRA_CA_CERTS, or correct the endpoint.';
    return { code: 'Unavailable', message: `${where} has a certificate that is not trusted (${code})`, fix };
  }
  if (code === 'ENOTFOUND') {
    const fix = 'Check the endpoint and the region, and that DNS works in the pod.';
    return { code: 'Unavailable', message: `${where} has no address (${code})`, fix };
  }
  return { code: 'Unavailable', message: `${where} cannot be reached (${code})`, fix: reachability(call) };
}
