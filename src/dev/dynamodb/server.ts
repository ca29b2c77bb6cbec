import { randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Clock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { DynamoDbBackend, type Answer, type Json } from './backend.ts';
import { asFailure, DynamoDbFailure } from './failure.ts';
import { Gate } from './gate.ts';
import { changeIndexes, changesIndexes } from './indexes.ts';
import { newExtras } from './table-extras.ts';
import { DynamoDbTables } from './tables.ts';
import { deleteExpired } from './ttl.ts';
import { askedOf, AWS_MANAGED_KEY } from './update-table.ts';
import { mapArns, signedRegion } from '../called-region.ts';
import { readBody, TOO_LARGE } from '../request-body.ts';
import {
  startServiceServer,
  type ServiceRequest,
  type ServiceResponse,
  type ServiceServer,
} from '../service-server.ts';
import type { ServerCertificate } from '../tls/certificate.ts';

export interface LocalDynamoDbOptions {
  clock: Clock;
  log: Log;
  /** 0, the default, takes a free one. */
  port?: number;
  /** Default 127.0.0.1. Anybody who reaches the port may use it. */
  host?: string;
  /** When given, requests signed with another access key are turned away. Signatures are never checked. */
  accessKeyIds?: readonly string[];
  /** With it the port answers TLS, too. */
  certificate?: ServerCertificate | undefined;
}

/** What happens to a request instead of, or (`drop answer`) after, its effect. */
export type DynamoDbFault =
  | { do: 'fail'; type: string; message?: string; status?: number }
  | { do: 'drop answer' } // the effect happens, the connection breaks
  | { do: 'hang' }; // no effect, no answer

export interface LocalDynamoDb extends ServiceServer {
  /** Requests so far, by operation. */
  counts: ReadonlyMap<string, number>;
  /** Asked before each request; undefined lets it through. Replaces the hook before; none ends the trouble. */
  fail(hook?: (operation: string, input: Json) => DynamoDbFault | undefined): void;
  /** Deletes what has expired now, without waiting for the next sweep. Returns how many items. */
  sweep(): Promise<number>;
}

const JSON_TYPE = 'application/x-amz-json-1.0';
/** How often expired items are looked for. */
const TTL_SWEEP_MS = 60_000;

/**
 * DynamoDB over HTTP/1.1 and HTTP/2 for any AWS SDK or CLI, in memory: dynalite, and in front of it what dynalite lacks
 * (`tables.ts`, `ttl.ts`). Bound to loopback.
 * @throws KcgError `Conflict` when the port is taken.
 */
export async function startLocalDynamoDb(options: LocalDynamoDbOptions): Promise<LocalDynamoDb> {
  const { clock, log, host = '127.0.0.1' } = options;
  const backend = await DynamoDbBackend.start(log);
  const front = new Front(backend, options);
  const server = await startServiceServer({
    name: 'local DynamoDB',
    serve: (request, response) => front.serve(request, response),
    log,
    host,
    port: options.port ?? 0,
    portOption: '--dynamodb-port',
    certificate: options.certificate,
  }).catch(async (thrown: unknown) => {
    await backend.close();
    throw thrown;
  });

  const stop = new AbortController();
  const sweep = () => front.sweep(clock.now());
  const sweeping = (async () => {
    while (!stop.signal.aborted) {
      await clock.sleep(TTL_SWEEP_MS, { signal: stop.signal });
      if (stop.signal.aborted) return;
      await sweep().catch((error: unknown) => {
        const { message } = KcgError.from(error);
        log.warn('expired items were not deleted', { error: message, retryInMs: TTL_SWEEP_MS });
      });
    }
  })();

  return {
    ...server,
    counts: front.counts,
    fail: (hook) => {
      front.hook = hook;
    },
    sweep,
    async close() {
      stop.abort();
      await Promise.all([sweeping, server.close()]);
      await backend.close();
    },
  };
}

/** dynalite takes a region from the environment. */
const HERE = /^arn:aws:dynamodb:[^:]*:/;

/** Of answers about tables; those with rows are long and name nothing. */
function asCalledIn(region: string | undefined, body: Json): Json {
  if (region === undefined || !('Table' in body || 'TableDescription' in body)) return body;
  const moved = (arn: string) =>
    arn === AWS_MANAGED_KEY
      ? arn.replace('us-east-1', region)
      : arn.replace(HERE, `arn:aws:dynamodb:${region}:`);
  return mapArns(body, moved) as Json;
}

class Front {
  readonly counts = new Map<string, number>();
  hook: ((operation: string, input: Json) => DynamoDbFault | undefined) | undefined;
  readonly #backend: DynamoDbBackend;
  readonly #accessKeyIds: readonly string[] | undefined;
  readonly #tables: DynamoDbTables;
  readonly #gate = new Gate();

  constructor(
    backend: DynamoDbBackend,
    { clock, accessKeyIds }: Pick<LocalDynamoDbOptions, 'clock' | 'accessKeyIds'>,
  ) {
    this.#backend = backend;
    this.#accessKeyIds = accessKeyIds;
    this.#tables = new DynamoDbTables(clock);
  }

  async serve(request: ServiceRequest, response: ServiceResponse): Promise<void> {
    const content = await readBody(request);
    const operation = String(request.headers['x-amz-target'] ?? '').split('.')[1] ?? '';
    this.counts.set(operation, (this.counts.get(operation) ?? 0) + 1);
    try {
      if (!content) throw new DynamoDbFailure(TOO_LARGE.type, TOO_LARGE.message, TOO_LARGE.status);
      this.#requireKnownKey(request.headers.authorization);
      const body = content.toString('utf8');
      const input = parse(body);
      const fault = this.hook?.(operation, input);
      if (fault?.do === 'hang') return;
      if (fault?.do === 'fail') throw new DynamoDbFailure(fault.type, fault.message ?? '', fault.status);
      const answer = await this.#answer(operation, input, body);
      if (fault?.do === 'drop answer') return void response.destroy();
      reply(response, {
        ...answer,
        body: asCalledIn(signedRegion(request.headers.authorization), answer.body),
      });
    } catch (thrown) {
      const { type, message, status } = asFailure(thrown);
      reply(response, { status, body: { __type: `com.amazonaws.dynamodb.v20120810#${type}`, message } });
    }
  }

  async sweep(nowMs: number): Promise<number> {
    let deleted = 0;
    const call = (operation: string, input: Json) =>
      this.#gate.shared(() => this.#backend.call(operation, input));
    for (const table of this.#tables.expiring()) deleted += await deleteExpired(call, table, nowMs);
    return deleted;
  }

  async #answer(operation: string, input: Json, body: string): Promise<Answer> {
    const own = this.#tables.answer(operation, input);
    if (own) return { status: 200, body: own };
    if (operation !== 'UpdateTable' || !changesIndexes(input))
      return this.#gate.shared(() => this.#forward(operation, input, body));
    return this.#gate.alone(async () => {
      const { rest, identity } = await changeIndexes((name, each) => this.#backend.call(name, each), input);
      this.#tables.setIdentity(String(input['TableName']), identity);
      if (askedOf(rest).length === 0) return this.#describe(String(input['TableName']));
      return this.#forward(operation, rest, JSON.stringify(rest));
    });
  }

  #requireKnownKey(authorization: string | undefined): void {
    if (!authorization) {
      const message = 'Request is missing Authentication Token';
      throw new DynamoDbFailure('MissingAuthenticationTokenException', message);
    }
    const key = /Credential=([^/]+)\//.exec(authorization)?.[1] ?? '';
    if (this.#accessKeyIds && !this.#accessKeyIds.includes(key)) {
      const message = 'The security token included in the request is invalid.';
      throw new DynamoDbFailure('UnrecognizedClientException', message);
    }
  }

  async #forward(operation: string, input: Json, body: string): Promise<Answer> {
    const name = String(input['TableName']);
    if (operation === 'DeleteTable') this.#tables.requireDeletable(name, await this.#table(name));
    const extras = operation === 'CreateTable' ? newExtras(input) : undefined;
    const table = operation === 'UpdateTable' ? await this.#table(name) : undefined;
    if (table) {
      const rest = this.#tables.update(input, table);
      if (!rest) return this.#describe(name);
      return this.#withExtras(name, 'TableDescription', await this.#backend.call(operation, rest));
    }
    const answer = await this.#backend.call(operation, body);
    if (answer.status === 200 && extras) this.#tables.create(name, extras);
    if (answer.status === 200 && operation === 'DeleteTable') this.#tables.delete(name);
    if (extras) return this.#withExtras(name, 'TableDescription', answer);
    if (operation === 'DescribeTable') return this.#withExtras(name, 'Table', answer);
    if (isConditionFailure(answer.body) && input['ReturnValuesOnConditionCheckFailure'] === 'ALL_OLD') {
      return { ...answer, body: { ...answer.body, ...(await this.#item(input)) } };
    }
    return answer;
  }

  /** As dynalite knows it. */
  async #table(TableName: string): Promise<Json | undefined> {
    return (await this.#backend.call('DescribeTable', { TableName })).body['Table'] as Json | undefined;
  }

  async #describe(name: string): Promise<Answer> {
    const answer = await this.#backend.call('DescribeTable', { TableName: name });
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
  async #item(input: Json): Promise<Json> {
    const { TableName } = input;
    const table = await this.#backend.call('DescribeTable', { TableName });
    const schema = (table.body['Table'] as { KeySchema: { AttributeName: string }[] }).KeySchema;
    const from = (input['Key'] ?? input['Item']) as Json;
    const Key = Object.fromEntries(schema.map(({ AttributeName }) => [AttributeName, from[AttributeName]]));
    const { body } = await this.#backend.call('GetItem', { TableName, Key, ConsistentRead: true });
    return body['Item'] ? { Item: body['Item'] } : {};
  }
}

function parse(body: string): Json {
  try {
    return body === '' ? {} : (JSON.parse(body) as Json);
  } catch {
    throw new DynamoDbFailure('SerializationException', 'the body is not JSON');
  }
}

function isConditionFailure(body: Json): boolean {
  return String(body['__type']).endsWith('#ConditionalCheckFailedException');
}

function reply(response: ServiceResponse, { status, body }: Answer): void {
  const content = Buffer.from(JSON.stringify(body));
  response.writeHead(status, {
    'content-type': JSON_TYPE,
    'content-length': content.length,
    'x-amzn-requestid': randomUUID(),
    // SDKs compare it with what arrived, where they find it.
    'x-amz-crc32': crc32(content),
  });
  response.end(content);
}
