import {
  Agent,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import dynalite from 'dynalite';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { asFailure, DynamoDbFailure, DynamoDbTables } from './dynamodb-tables.ts';

export interface LocalDynamoDbOptions {
  clock: Clock;
  log: Log;
  /** 0, the default, takes a free one. */
  port?: number;
  /** Default 127.0.0.1. */
  host?: string;
  /** When given, requests signed with another access key are turned away. Signatures are never checked. */
  accessKeyIds?: readonly string[];
}

export interface LocalDynamoDb {
  endpoint: string;
  /** Requests so far, by operation. */
  counts: ReadonlyMap<string, number>;
  close(): Promise<void>;
}

const JSON_TYPE = 'application/x-amz-json-1.0';
/** How long a table is CREATING or DELETING, ms. */
const TRANSITION_MS = 100;

type Json = Record<string, unknown>;

/**
 * DynamoDB over HTTP for any AWS SDK or CLI, in memory: dynalite, and in front of it what dynalite lacks
 * (`dynamodb-tables.ts`). Bound to loopback.
 */
export async function startLocalDynamoDb(options: LocalDynamoDbOptions): Promise<LocalDynamoDb> {
  const { log, host = '127.0.0.1' } = options;
  const behind = dynalite({
    createTableMs: TRANSITION_MS,
    deleteTableMs: TRANSITION_MS,
    updateTableMs: TRANSITION_MS,
  });
  await listen(behind, 0, '127.0.0.1');
  const front = new Front((behind.address() as AddressInfo).port, options.accessKeyIds);
  const server = createServer((request, response) => {
    front.serve(request, response).catch((error: unknown) => {
      log.warn('local DynamoDB request failed', { error: String(error) });
      response.destroy();
    });
  });
  server.keepAliveTimeout = 0;
  await listen(server, options.port ?? 0, host);
  const endpoint = `http://${host}:${(server.address() as AddressInfo).port}`;
  log.info('local DynamoDB listens', { endpoint });
  return {
    endpoint,
    counts: front.counts,
    async close() {
      front.close();
      await Promise.all([closeServer(server), closeServer(behind)]);
    },
  };
}

class Front {
  readonly counts = new Map<string, number>();
  readonly #port: number;
  readonly #accessKeyIds: readonly string[] | undefined;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #tables = new DynamoDbTables();

  constructor(port: number, accessKeyIds: readonly string[] | undefined) {
    this.#port = port;
    this.#accessKeyIds = accessKeyIds;
  }

  close(): void {
    this.#agent.destroy();
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readAll(request);
    const operation = String(request.headers['x-amz-target'] ?? '').split('.')[1] ?? '';
    this.counts.set(operation, (this.counts.get(operation) ?? 0) + 1);
    try {
      this.#requireKnownKey(request.headers.authorization);
      const input = body === '' ? {} : (JSON.parse(body) as Json);
      const own = this.#tables.answer(operation, input);
      if (own) return reply(response, 200, own);
      const answer = await this.#forward(operation, input, request, body);
      reply(response, answer.status, answer.body);
    } catch (thrown) {
      const { type, message } = asFailure(thrown);
      const status = type === 'InternalServerError' ? 500 : 400;
      reply(response, status, { __type: `com.amazonaws.dynamodb.v20120810#${type}`, message });
    }
  }

  #requireKnownKey(authorization: string | undefined): void {
    if (!authorization) {
      throw new DynamoDbFailure(
        'MissingAuthenticationTokenException',
        'Request is missing Authentication Token',
      );
    }
    const key = /Credential=([^/]+)\//.exec(authorization)?.[1] ?? '';
    if (this.#accessKeyIds && !this.#accessKeyIds.includes(key)) {
      throw new DynamoDbFailure(
        'UnrecognizedClientException',
        'The security token included in the request is invalid.',
      );
    }
  }

  async #forward(operation: string, input: Json, request: IncomingMessage, body: string) {
    const name = String(input['TableName']);
    if (operation === 'DeleteTable') this.#tables.requireDeletable(name);
    if (operation === 'UpdateTable') {
      const rest = this.#tables.update(name, input);
      if (!rest) return this.#describe(name, request);
      return this.#withExtras(name, 'TableDescription', await this.#call(request, JSON.stringify(rest)));
    }
    const answer = await this.#call(request, body);
    if (answer.status === 200 && operation === 'CreateTable') this.#tables.create(name, input);
    if (answer.status === 200 && operation === 'DeleteTable') this.#tables.delete(name);
    if (operation === 'DescribeTable') return this.#withExtras(name, 'Table', answer);
    if (isConditionFailure(answer.body) && input['ReturnValuesOnConditionCheckFailure'] === 'ALL_OLD') {
      return { ...answer, body: { ...answer.body, ...(await this.#item(input, request)) } };
    }
    return answer;
  }

  async #describe(name: string, request: IncomingMessage) {
    const answer = await this.#call(request, JSON.stringify({ TableName: name }), 'DescribeTable');
    const described = this.#withExtras(name, 'Table', answer);
    return { ...described, body: { TableDescription: described.body['Table'] } };
  }

  #withExtras(name: string, field: string, answer: Answer): Answer {
    const table = answer.body[field] as Json | undefined;
    return table
      ? { ...answer, body: { ...answer.body, [field]: this.#tables.describe(name, table) } }
      : answer;
  }

  /** The item that failed a condition, which dynalite does not return. */
  async #item(input: Json, request: IncomingMessage): Promise<Json> {
    const table = await this.#call(
      request,
      JSON.stringify({ TableName: input['TableName'] }),
      'DescribeTable',
    );
    const schema = (table.body['Table'] as { KeySchema: { AttributeName: string }[] }).KeySchema;
    const from = (input['Key'] ?? input['Item']) as Json;
    const Key = Object.fromEntries(schema.map(({ AttributeName }) => [AttributeName, from[AttributeName]]));
    const get = { TableName: input['TableName'], Key, ConsistentRead: true };
    const { body } = await this.#call(request, JSON.stringify(get), 'GetItem');
    return body['Item'] ? { Item: body['Item'] } : {};
  }

  #call(original: IncomingMessage, body: string, operation?: string): Promise<Answer> {
    const { 'content-length': _, host: __, ...headers } = original.headers;
    if (operation) headers['x-amz-target'] = `DynamoDB_20120810.${operation}`;
    return new Promise((resolve, reject) => {
      const call = httpRequest(
        { host: '127.0.0.1', port: this.#port, method: 'POST', path: '/', agent: this.#agent, headers },
        (response) => {
          readAll(response).then(
            (text) => resolve({ status: response.statusCode ?? 500, body: JSON.parse(text || '{}') as Json }),
            reject,
          );
        },
      );
      call.on('error', reject);
      call.end(body);
    });
  }
}

interface Answer {
  status: number;
  body: Json;
}

function isConditionFailure(body: Json): boolean {
  return String(body['__type']).endsWith('#ConditionalCheckFailedException');
}

function reply(response: ServerResponse, status: number, body: Json): void {
  response.writeHead(status, { 'content-type': JSON_TYPE }).end(JSON.stringify(body));
}

async function readAll(stream: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
