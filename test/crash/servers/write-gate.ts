import { createServer, request as plainRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { request as tlsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';

/** How a call is called when it writes, as people name it; undefined when it only reads. */
export type NameOfWrite = (call: {
  method: string;
  path: string;
  target: string;
  body: string;
}) => string | undefined;
/** `stop` keeps a write from the server; `pass` lets it have its effect. Who asked may be dead by then. */
export type OnWrite = (name: string) => 'pass' | 'stop';

/** A server on loopback, and what it wants to see on a call. */
export interface GatedServer {
  url: string;
  headers?: Record<string, string>;
  tls?: object;
}

export interface WriteGate {
  url: string;
  /** What whoever is dead has still under way is not heard; what was let through has its effect. */
  cut(): void;
  close(): Promise<void>;
}

/** Before a server on loopback: tells of each write before the server has it, and waits for what is to become of it. */
export async function startWriteGate(
  server: GatedServer,
  nameOfWrite: NameOfWrite,
  onWrite: OnWrite,
): Promise<WriteGate> {
  const gate = createServer((incoming, response) => {
    void pass(server, nameOfWrite, onWrite, incoming, response).catch(() => response.destroy());
  });
  await new Promise<void>((listening) => gate.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(gate.address() as AddressInfo).port}`,
    cut: () => gate.closeAllConnections(),
    close: () => {
      const closed = new Promise<void>((done) => gate.close(() => done()));
      gate.closeAllConnections();
      return closed;
    },
  };
}

async function pass(
  server: GatedServer,
  nameOfWrite: NameOfWrite,
  onWrite: OnWrite,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const { method = '', url: path = '', headers } = incoming;
  const target = String(headers['x-amz-target'] ?? '');
  const name = nameOfWrite({ method, path, target, body: body.toString() });
  if (name !== undefined && onWrite(name) === 'stop') return void response.destroy();

  const send = server.url.startsWith('https:') ? tlsRequest : plainRequest;
  const options = { method, headers: { ...headers, ...server.headers }, ...server.tls };
  const outgoing = send(new URL(path, server.url), options, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  outgoing.on('error', () => response.destroy());
  // A write that was let through has its effect, whether its answer is waited for or not; a watch ends with who watches.
  response.on('close', () => {
    if (name === undefined) outgoing.destroy();
  });
  outgoing.end(body);
}

const ROWS_OF = ['PutItem', 'UpdateItem', 'DeleteItem'];
const READS = /\.(Describe|List|Get|Query|Scan|BatchGet)/;

/** Writes of DynamoDB: `UpdateItem group#claim`, `CreateTable`. */
export const dynamoDbWrite: NameOfWrite = ({ target, body }) => {
  if (READS.test(target)) return undefined;
  const operation = target.split('.')[1] ?? target;
  if (!ROWS_OF.includes(operation)) return operation;
  const { Key, Item } = JSON.parse(body) as Record<
    'Key' | 'Item',
    Record<string, { S?: string }> | undefined
  >;
  // Workers and snapshots are called otherwise each time.
  return `${operation} ${(Key ?? Item)?.['shard_id']?.S?.replace(/#(?!claim).*/, '#…') ?? ''}`;
};

/** Writes of the Kubernetes API: `PATCH deployments orders-worker`. Events are no state: they tell what was done. */
export const kubernetesWrite: NameOfWrite = ({ method, path }) => {
  if (method === 'GET') return undefined;
  const { pathname } = new URL(path, 'http://api');
  const parts = pathname.split('/');
  const at = parts.indexOf('namespaces');
  const [resource = '', ...rest] = at < 0 ? parts.slice(3) : parts.slice(at + 2);
  return /^(events|leases)$/.test(resource) ? undefined : [method, resource, ...rest].join(' ');
};
