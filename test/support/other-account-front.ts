import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/* A stream of another account: AWS lets a caller in by the policy of the stream, and only where a call names its ARN. */

export const OTHER_ACCOUNT = '222222222222';
export const THEIR_STREAM = `arn:aws:kinesis:eu-west-1:${OTHER_ACCOUNT}:stream/orders`;

interface Policy {
  Statement: { Action: string[]; Resource?: string }[];
}
const page = readFileSync('docs/multi-tenant.md', 'utf8');
const policies = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, json = '']) => JSON.parse(json) as Policy);
/** Of the policy that docs/multi-tenant.md gives the stream. */
export const LET_IN = policies
  .flatMap(({ Statement }) => Statement)
  .find(({ Resource }) => Resource === THEIR_STREAM)!.Action;

export interface OtherAccountFront {
  endpoint: string;
  /** Actions of calls that named the stream by its ARN, and of all others. */
  theirs: Set<string>;
  own: Set<string>;
  close(): void;
}

/** Kinesis in front of `service`, which asks one account whatever a call names; moto goes by a header then. */
export async function otherAccountFront(service: string): Promise<OtherAccountFront> {
  const [theirs, own] = [new Set<string>(), new Set<string>()];
  const server = createServer((request, response) => {
    void (async () => {
      const body = await buffer(request);
      const action = `kinesis:${String(request.headers['x-amz-target']).split('.').at(-1)}`;
      const isTheirs = body.includes(THEIR_STREAM);
      (isTheirs ? theirs : own).add(action);
      if (isTheirs && !LET_IN.includes(action)) {
        response.statusCode = 400;
        response.end('{"__type":"AccessDeniedException","message":"no resource-based policy allows it"}');
        return;
      }
      const { host: _, connection: __, ...given } = request.headers;
      const headers = {
        ...(given as Record<string, string>),
        ...(isTheirs ? { 'x-moto-account-id': OTHER_ACCOUNT } : {}),
      };
      const answer = await fetch(service, { method: 'POST', headers, body });
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' });
      response.end(Buffer.from(await answer.arrayBuffer()));
    })().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    theirs,
    own,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
