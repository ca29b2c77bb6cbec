import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Clock } from '../../../lib/clock.ts';
import { listen } from '../../../lib/listen.ts';
import type { Log } from '../../../lib/log.ts';
import type { FunctionCalls, Invocation } from './function-calls.ts';
import { describePostedError, MAX_POST_BYTES, type Post } from './posted-result.ts';

export interface RuntimeApiOptions {
  /** Loopback only. 0 = any free port. */
  port: number;
  calls: FunctionCalls;
  clock: Clock;
  log: Log;
}

export interface RuntimeApi {
  port: number;
  close(): Promise<void>;
}

/** Clients repeat a whole stack trace in a header, and in trailers. */
const MAX_HEADER_BYTES = 1024 * 1024;
/** For clients that are told to end at the same time, ms: one that is cut off while it waits calls that an error. */
const LAST_MS = 1_000;
const HOST = '127.0.0.1';
const RUNTIME =
  /^\/2018-06-01\/runtime\/(?:(init\/error|invocation\/next)|invocation\/([^/?]+)\/(response|error))$/;
const EXTENSIONS = /^\/\d{4}-\d\d-\d\d\/(extension|telemetry|logs)\b/;

/**
 * Serves AWS Lambda's Runtime API (2018-06-01) for the function's clients. A `next` is held until there is an event, however
 * long that takes. What is posted is answered with 202 whatever it says: some clients end on anything else.
 * Source: AWS Lambda developer guide, "Using the Lambda runtime API for custom runtimes".
 * @throws KcgError `Conflict` when the port is taken
 */
export async function startRuntimeApi(options: RuntimeApiOptions): Promise<RuntimeApi> {
  const { port, calls, clock } = options;
  const connections = new Map<Socket, number>();
  let last = 0;
  const server = createServer(
    // A stream may be answered for as long as the function has; a client that waits sends nothing.
    { maxHeaderSize: MAX_HEADER_BYTES, requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0 },
    (request, response) => answer(options, connections.get(request.socket)!, request, response),
  );
  server.on('connection', (socket) => {
    last += 1;
    const connection = last;
    connections.set(socket, connection);
    socket.once('close', () => {
      connections.delete(socket);
      calls.closed(connection);
    });
  });
  await listen(server, port, HOST, 'spec.handler.lambda.port');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await Promise.race([closed, clock.sleep(LAST_MS)]);
      server.closeAllConnections();
      await closed;
    },
  };
}

function answer(
  { calls, log }: RuntimeApiOptions,
  connection: number,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { method, url = '' } = request;
  const [, fixed, id, as] = RUNTIME.exec(url) ?? [];
  if (fixed === 'invocation/next' && method === 'GET') {
    request.resume();
    const give = (invocation: Invocation) => send(calls, response, invocation);
    return calls.next({ connection, closesItself: !response.shouldKeepAlive, give });
  }
  if (fixed === 'init/error' && method === 'POST') {
    return read(request, 'error', (post) => {
      const said = describePostedError(post);
      log.warn('the function cannot begin', { error: said });
      accept(response);
      calls.initFailed(said);
    });
  }
  if (id !== undefined && (as === 'response' || as === 'error') && method === 'POST') {
    return read(request, as, (post) => {
      accept(response);
      calls.posted(id, post);
    });
  }
  request.resume();
  const [extensions] = EXTENSIONS.exec(url) ?? [];
  if (extensions === undefined) return refuse(response, 404, 'NotFound', `there is no ${method} ${url} here`);
  const what = 'extensions are not supported here: run what they do as a container beside the function';
  log.warn('an extension was refused', { path: url.slice(0, 200) });
  refuse(response, 403, 'Extension.NotSupported', what);
}

function send(calls: FunctionCalls, response: ServerResponse, { id, headers, body }: Invocation): void {
  response.once('close', () => {
    if (!response.writableFinished) calls.undelivered(id);
  });
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': body.length,
    ...headers(),
  });
  response.end(body);
}

/** The whole body is read, and as much kept as an answer may have. */
function read(request: IncomingMessage, as: Post['as'], done: (post: Post) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= MAX_POST_BYTES) chunks.push(chunk);
  });
  let isDone = false;
  const end = () => {
    if (isDone) return;
    isDone = true;
    const { headers, trailers, complete } = request;
    const length = !complete ? 'broken' : bytes <= MAX_POST_BYTES ? 'whole' : 'cut';
    const said = (name: string) => trailers[name] ?? [headers[name]].flat()[0];
    done({
      as,
      length,
      body: Buffer.concat(chunks).toString('utf8'),
      contentType: headers['content-type'],
      errorType: said('lambda-runtime-function-error-type'),
      errorBody: said('lambda-runtime-function-error-body'),
    });
  };
  for (const over of ['end', 'error', 'close']) request.on(over, end);
}

function accept(response: ServerResponse): void {
  if (!response.destroyed) reply(response, 202, { status: 'OK' });
}

function refuse(response: ServerResponse, status: number, errorType: string, errorMessage: string): void {
  reply(response, status, { errorMessage, errorType });
}

function reply(response: ServerResponse, status: number, body: Readonly<Record<string, string>>): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}
