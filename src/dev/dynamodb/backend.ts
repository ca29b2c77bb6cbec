import {
  Agent,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { AbstractKeyIterator, AbstractValueIterator } from 'abstract-level';
import dynalite from 'dynalite';
import { describeError } from '../../lib/errors.ts';
import { listen } from '../../lib/listen.ts';
import type { Log } from '../../lib/log.ts';
import { surviveThrows } from './survive-throws.ts';

export type Json = Record<string, unknown>;

export interface Answer {
  status: number;
  body: Json;
}

/** How long a table is CREATING, UPDATING or DELETING, ms. */
const TRANSITION_MS = 100;
/** What dynalite wants to see on a call; it checks no signature. */
const HEADERS = {
  'content-type': 'application/x-amz-json-1.0',
  'x-amz-date': '20260101T000000Z',
  authorization:
    'AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0',
};

/*
 * dynalite ends its reads by a `return` that the iterators of the store it brings no longer have. The store holds those that
 * are not closed, each with all items as they were at its Scan or Query.
 */
for (const { prototype } of [AbstractKeyIterator, AbstractValueIterator]) {
  Object.assign(prototype, {
    return(this: { close: () => Promise<void> }) {
      return this.close();
    },
  });
}

/** dynalite, in this process and in memory, behind a function. */
export class DynamoDbBackend {
  readonly #server: Server;
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true });

  private constructor(server: Server) {
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  static async start(log: Log): Promise<DynamoDbBackend> {
    const server = dynalite({
      createTableMs: TRANSITION_MS,
      deleteTableMs: TRANSITION_MS,
      updateTableMs: TRANSITION_MS,
    });
    // A connection closed while the next call is being sent on it would fail that call.
    server.keepAliveTimeout = 0;
    surviveThrows(server, (error, request, response) => {
      const message = describeError(error);
      const operation = String(request.headers['x-amz-target']).split('.')[1];
      log.warn('local DynamoDB request failed', { operation, error: message });
      const body = { __type: 'com.amazonaws.dynamodb.v20120810#InternalServerError', message };
      // What was being read of the connection is left half-way.
      response.writeHead(500, { connection: 'close' }).end(JSON.stringify(body));
    });
    await listen(server, 0, '127.0.0.1');
    return new DynamoDbBackend(server);
  }

  call(operation: string, input: Json | string): Promise<Answer> {
    const body = typeof input === 'string' ? input : JSON.stringify(input);
    const headers = { ...HEADERS, 'x-amz-target': `DynamoDB_20120810.${operation}` };
    return this.#send(headers, body);
  }

  #send(headers: OutgoingHttpHeaders, body: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { promise, resolve: answered } = Promise.withResolvers<IncomingMessage>();
      const call = httpRequest(
        { host: '127.0.0.1', port: this.#port, method: 'POST', path: '/', agent: this.#agent, headers },
        answered,
      );
      call.on('error', reject);
      call.end(body);
      promise
        .then(async (response) => ({
          status: response.statusCode ?? 500,
          body: JSON.parse((await readAll(response)) || '{}') as Json,
        }))
        .then(resolve, reject);
    });
  }

  /** To be called when no call is running: dynalite throws past everybody when its store closes under one. */
  async close(): Promise<void> {
    this.#agent.destroy();
    await closeServer(this.#server);
  }
}

async function readAll(stream: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** Cuts all connections, those with a call under way too; resolves when none is left. */
function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
