import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface LocalSts {
  port: number;
  endpoint: string;
  /** The tokens that were shown, in order. */
  tokens: string[];
  /** Of the credentials given from now on: a number counts the calls. */
  expiresAtMs: number;
  close(): void;
}

/** Answers AssumeRoleWithWebIdentity with the access keys `key-1`, `key-2` and so on. */
export async function startLocalSts(): Promise<LocalSts> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      sts.tokens.push(new URLSearchParams(body).get('WebIdentityToken') ?? '');
      response.setHeader('content-type', 'text/xml');
      response.end(`<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>
        <AccessKeyId>key-${sts.tokens.length}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
        <SessionToken>session</SessionToken><Expiration>${new Date(sts.expiresAtMs).toISOString()}</Expiration>
        </Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const sts: LocalSts = {
    port,
    endpoint: `http://127.0.0.1:${port}`,
    tokens: [],
    expiresAtMs: 0,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
  return sts;
}
