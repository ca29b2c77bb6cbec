import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { recordOf, type KeyAccount, type SoakRecord } from './key-account.ts';

/** How the bucket fails. `deaf`: it has the object, and its answer is lost. */
export type BucketTrouble = 'refuses' | 'throttles' | 'deaf';

export interface Collectors {
  /** Where handlers send what they have done. */
  url: string;
  /** An endpoint of S3 as far as PutObject goes, for what is given up. */
  bucketPort: number;
  bucketTrouble: BucketTrouble | undefined;
  close(): Promise<void>;
}

const S3_ERRORS = {
  refuses: [403, '<Error><Code>AccessDenied</Code><Message>not now</Message></Error>'],
  throttles: [503, '<Error><Code>SlowDown</Code><Message>not now</Message></Error>'],
} as const;

/** Both write to `account` before they answer. */
export async function startCollectors(account: KeyAccount): Promise<Collectors> {
  const handlers = await listen(async (request, response) => {
    const { by, records } = JSON.parse(await bodyOf(request)) as { by: string; records: SoakRecord[] };
    account.delivered(records, by);
    response.writeHead(204).end();
  });
  const bucket = await listen(async (request, response) => {
    const body = await bodyOf(request);
    const trouble = collectors.bucketTrouble;
    if (trouble === 'refuses' || trouble === 'throttles') {
      const [status, text] = S3_ERRORS[trouble];
      return void response.writeHead(status, { 'content-type': 'application/xml' }).end(text);
    }
    account.givenUp(recordsIn(body));
    if (trouble === 'deaf') response.destroy();
    else response.writeHead(200, { etag: '"0"' }).end();
  });
  const collectors: Collectors = {
    url: `http://127.0.0.1:${portOf(handlers)}/`,
    bucketPort: portOf(bucket),
    bucketTrouble: undefined,
    close: async () => void (await Promise.all([close(handlers), close(bucket)])),
  };
  return collectors;
}

interface Event {
  Records: { kinesis: { partitionKey: string; data: string } }[];
}

/** Of an invocation record as S3 gets it: the payload is the event that the handler got, as text. */
function recordsIn(body: string): SoakRecord[] {
  const { payload } = JSON.parse(body) as { payload: string };
  const { Records } = JSON.parse(payload) as Event;
  return Records.map(({ kinesis: { partitionKey, data } }) =>
    recordOf(partitionKey, Buffer.from(data, 'base64').toString()),
  );
}

async function listen(
  serve: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<Server> {
  // A client that breaks off in the middle has nothing to be answered.
  const server = createServer(
    (request, response) => void serve(request, response).catch(() => response.destroy()),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
