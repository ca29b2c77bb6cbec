import { hostOf, reachability, type AwsCall, type Finding } from './call.ts';
import type { SdkError } from './sdk-error.ts';

/** OpenSSL's reasons to refuse a certificate, and Node's own. Source: Node's TLS documentation, "X509 certificate error codes". */
const CERTIFICATE = /CERT|^UNABLE_TO_|^INVALID_(CA|PURPOSE)$|^HOSTNAME_MISMATCH$/;
/** Of Node's own codes those few that a connection can end with; the rest are misuse of an API. */
const NODE_NETWORK =
  /^ERR_(HTTP2_(STREAM|SESSION|GOAWAY)_|SSL_|SOCKET_(CLOSED|CONNECTION)|TLS_(CERT|HANDSHAKE)|STREAM_(PREMATURE_CLOSE|DESTROYED)|PROXY_)/;
/** What OpenSSL says when the other side does not speak TLS at all; the code is `EPROTO` in most cases. */
const NO_TLS = /wrong version number|packet length too long|http request|WRONG_VERSION|PACKET_LENGTH/i;
/** What a server that speaks TLS does to a request that does not: it hangs up, or sends a TLS alert, which is no HTTP. */
const HUNG_UP = /^(ECONNRESET|EPIPE|HPE_\w+)$/;
const TIMEOUT = /^(ETIMEDOUT|ESOCKETTIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/;

/** True for codes of Node that say nothing about the network: a wrong argument, a URL or a header that cannot be. */
export function isProgrammingError(code: string): boolean {
  return code.startsWith('ERR_') && !NODE_NETWORK.test(code);
}

/**
 * `Timeout` for a connection or an answer that did not come in time, `Unavailable` for every other code. Named is the host
 * that was called: with endpoint overrides, a call has several.
 */
export function networkFailure(code: string, error: SdkError, call: AwsCall): Finding {
  const { request } = error;
  const host = request?.host ?? hostOf(call);
  const where = host ?? error.address ?? 'the AWS endpoint';
  if (request?.proxy !== undefined) return proxyFailure(code, error, { call, where, proxy: request.proxy });
  if (TIMEOUT.test(code)) {
    const message = `${where} did not answer ${call.action} in time`;
    return { code: 'Timeout', message, fix: reachability(call, host) };
  }
  if (CERTIFICATE.test(code)) {
    const fix = 'Trust its certificate authority with NODE_EXTRA_CA_CERTS, or correct the endpoint.';
    return { code: 'Unavailable', message: `${where} has a certificate that is not trusted (${code})`, fix };
  }
  if (code === 'ENOTFOUND') {
    const fix = 'Check the endpoint and the region, and that DNS works in the pod.';
    return { code: 'Unavailable', message: `${where} has no address (${code})`, fix };
  }
  if (request?.protocol === 'https:' && NO_TLS.test(`${code} ${error.message}`)) {
    const fix = 'Write http:// in the endpoint, or name the port that speaks TLS.';
    return { code: 'Unavailable', message: `${where} does not speak TLS (${code})`, fix };
  }
  const message = `${where} cannot be reached (${code})`;
  return { code: 'Unavailable', message, fix: `${schemeHint(code, error, call)}${reachability(call, host)}` };
}

/** For one who hangs up at what it does not understand, as far as that can be told from one who just hangs up. */
function schemeHint(code: string, { request, message }: SdkError, { endpoint }: AwsCall): string {
  if (endpoint === undefined || !HUNG_UP.test(code)) return '';
  if (request?.protocol === 'http:') return 'If it speaks TLS, write https:// in the endpoint. ';
  const isHandshake = /before secure TLS connection was established/.test(message);
  return isHandshake ? 'If it does not speak TLS, write http:// in the endpoint. ' : '';
}

interface ByProxy {
  call: AwsCall;
  where: string;
  proxy: string;
}

/** It cannot be told who of the two failed unless the proxy says so: both are named. */
function proxyFailure(code: string, { message }: SdkError, { call, where, proxy }: ByProxy): Finding {
  const way = `${where} by the proxy ${proxy}`;
  if (TIMEOUT.test(code)) {
    const fix = `Check that the proxy answers and lets ${where} through, or name the host in NO_PROXY.`;
    return { code: 'Timeout', message: `${way} did not answer ${call.action} in time`, fix };
  }
  if (CERTIFICATE.test(code)) {
    const fix = 'Trust the certificate authority that the proxy uses with NODE_EXTRA_CA_CERTS.';
    return { code: 'Unavailable', message: `${way} has a certificate that is not trusted (${code})`, fix };
  }
  if (code === 'ERR_PROXY_TUNNEL') {
    const answer = /HTTP\/1\.\d (\d+[^\r\n]*)/.exec(message)?.[1];
    const refusal = answer === undefined ? '' : `: ${answer}`;
    const fix = `Let the proxy connect to ${where}, or name the host in NO_PROXY.`;
    return { code: 'Unavailable', message: `the proxy ${proxy} does not connect to ${where}${refusal}`, fix };
  }
  const fix = `Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY, and that the proxy answers.`;
  return { code: 'Unavailable', message: `${way} cannot be reached (${code})`, fix };
}
