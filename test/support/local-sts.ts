import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface LocalSts {
  port: number;
  endpoint: string;
  /** The tokens that were shown, in order. */
  tokens: string[];
  /** The roles that were asked for by name, in order, and whose keys signed that. */
  assumed: { arn: string; externalId: string; session: string; by: string }[];
  /** By ARN, the external id that the trust policy of a role asks for; no other role is given. */
  roles: Map<string, string>;
  /** Of the credentials given from now on: a number counts the calls. */
  expiresAtMs: number;
  close(): void;
}

/**
 * Answers AssumeRoleWithWebIdentity, and AssumeRole for who names the external id, with the access keys `key-1`, `key-2` and
 * so on.
 */
export async function startLocalSts(): Promise<LocalSts> {
  let given = 0;
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      const form = new URLSearchParams(body);
      const action = form.get('Action') ?? '';
      response.setHeader('content-type', 'text/xml');
      if (action === 'AssumeRole') {
        const [, by = ''] = /Credential=([^/]+)/.exec(request.headers.authorization ?? '') ?? [];
        const asked = { arn: form.get('RoleArn') ?? '', externalId: form.get('ExternalId') ?? '' };
        sts.assumed.push({ ...asked, session: form.get('RoleSessionName') ?? '', by });
        if (sts.roles.get(asked.arn) !== asked.externalId) {
          response.statusCode = 403;
          // In the words of AWS.
          response.end(`<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>
            <Message>User: arn:aws:sts::111111111111:assumed-role/kcg-operator/pod is not authorized to perform: sts:AssumeRole on resource: ${asked.arn}</Message>
            </Error></ErrorResponse>`);
          return;
        }
      } else sts.tokens.push(form.get('WebIdentityToken') ?? '');
      given += 1;
      response.end(`<${action}Response><${action}Result><Credentials>
        <AccessKeyId>key-${given}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>
        <SessionToken>session</SessionToken><Expiration>${new Date(sts.expiresAtMs).toISOString()}</Expiration>
        </Credentials></${action}Result></${action}Response>`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const sts: LocalSts = {
    port,
    endpoint: `http://127.0.0.1:${port}`,
    tokens: [],
    assumed: [],
    roles: new Map(),
    expiresAtMs: 0,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
  return sts;
}
