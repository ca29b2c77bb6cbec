import { randomUUID } from 'node:crypto';
import { systemClock, type Clock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import { silentLog, type Log } from '../../lib/log.ts';
import { shardOfIterator } from '../../kinesis/memory/iterator.ts';
import { MemoryKinesis } from '../../kinesis/memory/stream.ts';
import { MemorySubscription } from '../../kinesis/memory/subscription.ts';
import { decodeCbor, encodeCbor } from './cbor.ts';
import { consumerOperations } from './consumer-operations.ts';
import { awsErrorType, httpStatusOf } from './error-types.ts';
import { KinesisInput } from './input.ts';
import { encodeJson } from './json.ts';
import { sendEvents } from './send-events.ts';
import { recordOperations } from './record-operations.ts';
import { mapArns, mapOwnArns, signedRegion } from '../called-region.ts';
import { readBody, TOO_LARGE } from '../request-body.ts';
import {
  startServiceServer,
  type ServiceServer,
  type ServiceRequest,
  type ServiceResponse,
} from '../service-server.ts';
import { answerSts } from './sts.ts';
import { streamOperations } from './stream-operations.ts';
import { tagOperations } from './tag-operations.ts';
import type { ServerCertificate } from '../tls/certificate.ts';

export interface LocalKinesisOptions {
  clock?: Clock;
  log?: Log;
  /** The streams to serve; a new, empty account otherwise. */
  kinesis?: MemoryKinesis;
  /** 0, the default, takes a free one. */
  port?: number;
  /** Default 127.0.0.1. Anybody who reaches the port may use it. */
  host?: string;
  /** When given, requests signed with another access key are turned away. Signatures are never checked. */
  accessKeyIds?: readonly string[];
  /** With it the port answers TLS, too. */
  certificate?: ServerCertificate | undefined;
}

export interface LocalKinesis extends ServiceServer {
  kinesis: MemoryKinesis;
}

const operations = { ...streamOperations, ...recordOperations, ...consumerOperations, ...tagOperations };
const CBOR = 'application/x-amz-cbor-1.1';
const FORM = 'application/x-www-form-urlencoded';
const JSON_TYPE = 'application/x-amz-json-1.1';

/**
 * Kinesis over HTTP/1.1 and HTTP/2 for any AWS SDK or CLI, in both of the service's encodings. Keeps everything in memory.
 * The same address answers GetCallerIdentity of STS.
 * @throws KcgError `Conflict` when the port is taken.
 */
export async function startLocalKinesis(options: LocalKinesisOptions = {}): Promise<LocalKinesis> {
  const kinesis = options.kinesis ?? new MemoryKinesis({ clock: options.clock ?? systemClock });
  const server = await startServiceServer({
    name: 'local Kinesis',
    serve: (request, response) => serve(kinesis, options.accessKeyIds, request, response),
    log: options.log ?? silentLog,
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 0,
    portOption: '--kinesis-port',
    certificate: options.certificate,
  });
  return { ...server, kinesis };
}

interface Reply {
  status: number;
  body: unknown;
}

async function serve(
  kinesis: MemoryKinesis,
  accessKeyIds: readonly string[] | undefined,
  request: ServiceRequest,
  response: ServiceResponse,
): Promise<void> {
  if (request.method === 'GET') return answerPerson(kinesis, response);
  const body = await readBody(request);
  if (request.headers['content-type']?.startsWith(FORM) && body)
    return answerForm(kinesis, body.toString('utf8'), response);
  const isCbor = request.headers['content-type']?.startsWith(CBOR) ?? false;
  const reply = body
    ? await replyTo(kinesis, accessKeyIds, request, body, isCbor)
    : failure(TOO_LARGE.type, TOO_LARGE.message, TOO_LARGE.status);
  if (reply.body instanceof MemorySubscription)
    return sendEvents(reply.body, response, isCbor ? [CBOR, encodeCbor] : [JSON_TYPE, encodeJson]);
  const payload = isCbor ? encodeCbor(reply.body) : encodeJson(reply.body);
  response.writeHead(reply.status, {
    'content-type': isCbor ? CBOR : JSON_TYPE,
    'content-length': payload.length,
    'x-amzn-requestid': randomUUID(),
  });
  response.end(payload);
}

/** Kinesis knows no forms; STS, at the same address, knows nothing else. */
function answerForm(kinesis: MemoryKinesis, form: string, response: ServiceResponse): void {
  const { status, body } = answerSts(form, kinesis.accountId);
  response.writeHead(status, { 'content-type': 'text/xml', 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

function answerPerson(kinesis: MemoryKinesis, response: ServiceResponse): void {
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.end(`Local Kinesis of kcg. Streams: ${kinesis.listStreams().join(', ') || 'none'}\n`);
}

async function replyTo(
  kinesis: MemoryKinesis,
  accessKeyIds: readonly string[] | undefined,
  request: ServiceRequest,
  content: Buffer,
  isCbor: boolean,
): Promise<Reply> {
  const target = String(request.headers['x-amz-target'] ?? '');
  const name = /^Kinesis_20131202\.(\w+)$/.exec(target)?.[1] ?? '';
  const operation = Object.hasOwn(operations, name) ? operations[name] : undefined;
  if (!operation) {
    const known = Object.keys(operations).sort().join(', ');
    return failure(
      'UnknownOperationException',
      `No operation '${name || target}' here. There are: ${known}.`,
    );
  }
  const denied = checkAuthorization(request, accessKeyIds);
  if (denied) return denied;
  const regions = regionsOf(kinesis, request);
  let input: KinesisInput;
  try {
    const members = isCbor ? decodeCbor(content) : (JSON.parse(content.toString('utf8') || '{}') as unknown);
    input = new KinesisInput(mapOwnArns(members, regions.here), (arn) => kinesis.nameOf(arn));
  } catch (error) {
    return failure('SerializationException', KcgError.from(error).message);
  }
  try {
    const body = await kinesis.call(name, shardOf(input), undefined, () => operation(kinesis, input));
    return { status: 200, body: NAMES_NOTHING.has(name) ? body : mapArns(body, regions.there) };
  } catch (thrown) {
    const error = KcgError.from(thrown);
    return failure(awsErrorType(error, name), regions.there(error.message));
  }
}

function shardOf(input: KinesisInput): string | undefined {
  const iterator = input.optionalText('ShardIterator');
  return iterator === undefined ? input.optionalText('ShardId') : shardOfIterator(iterator);
}

function failure(type: string, message: string, status = httpStatusOf(type)): Reply {
  return { status, body: { __type: type, message } };
}

/** Answers without an ARN, and with much else. */
const NAMES_NOTHING: ReadonlySet<string> = new Set(['GetRecords', 'PutRecords', 'PutRecord']);

/** ARNs as the caller has them, in texts, and as they are kept here. */
function regionsOf({ region, accountId }: MemoryKinesis, { headers }: ServiceRequest) {
  const called = signedRegion(headers.authorization) ?? region;
  const prefix = (of: string) => `arn:aws:kinesis:${of}:${accountId}:`;
  return {
    here: (text: string) => text.replaceAll(prefix(called), prefix(region)),
    there: (text: string) => text.replaceAll(prefix(region), prefix(called)),
  };
}

function checkAuthorization(
  request: ServiceRequest,
  accessKeyIds: readonly string[] | undefined,
): Reply | undefined {
  const header = request.headers.authorization;
  if (!header) return failure('MissingAuthenticationTokenException', 'Missing Authentication Token');
  const accessKeyId = /Credential=([^/,\s]+)\//.exec(header)?.[1];
  if (accessKeyId === undefined) {
    return failure('IncompleteSignatureException', "Authorization header requires 'Credential' parameter.");
  }
  if (!accessKeyIds || accessKeyIds.includes(accessKeyId)) return undefined;
  return failure('UnrecognizedClientException', 'The security token included in the request is invalid.');
}
