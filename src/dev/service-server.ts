import { createServer as createHttp1Server, type IncomingHttpHeaders } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createNetServer, type AddressInfo, type Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { KcgError } from '../lib/errors.ts';
import { hostPort, listen } from '../lib/listen.ts';
import type { Log } from '../lib/log.ts';
import type { ServerCertificate } from './tls/certificate.ts';

/** What requests of HTTP/1.1 and of HTTP/2 have in common. */
export interface ServiceRequest extends Readable {
  readonly method?: string | undefined;
  readonly headers: IncomingHttpHeaders;
}
export interface ServiceResponse extends Writable {
  writeHead(status: number, headers: Record<string, string | number>): unknown;
}

export interface ServiceServerOptions {
  /** For log lines: `local Kinesis`. */
  name: string;
  /** A rejection is logged and breaks off the response. */
  serve: (request: ServiceRequest, response: ServiceResponse) => Promise<void>;
  log: Log;
  host: string;
  /** 0 takes a free one. */
  port: number;
  /** The flag that chooses the port. */
  portOption: string;
  /** With it the same port answers TLS, too. */
  certificate: ServerCertificate | undefined;
}

export interface ServiceServer {
  /** `http://127.0.0.1:4567`. */
  endpoint: string;
  /** `https://127.0.0.1:4567`; undefined without a certificate. */
  tlsEndpoint: string | undefined;
  /** Cuts all connections; resolves when no request is being served any more. */
  close: () => Promise<void>;
}

/** How HTTP/2 connections begin, told apart from any method of HTTP/1.1 by its first letters: `PRI * HTTP/2.0`. */
const PREFACE = 'PRI';
const TLS_HANDSHAKE = 0x16;
/** MB of answers that a client of HTTP/2 has yet to take; with more its next calls are refused. Node's own is 10, one GetRecords. */
const MAX_UNREAD_MB = 1_000;

/**
 * One port for whatever an AWS SDK speaks: HTTP/1.1, HTTP/2 with prior knowledge (the JavaScript and Java SDKs on
 * Kinesis) and, with a certificate, both of them inside TLS. The first bytes of a connection tell which it is.
 * @throws KcgError `Conflict` when the port is taken.
 */
export async function startServiceServer(options: ServiceServerOptions): Promise<ServiceServer> {
  const { log, name } = options;
  const running = new Set<Promise<void>>();
  const onRequest = (request: ServiceRequest, response: ServiceResponse) => {
    const serving = options.serve(request, response).catch((error: unknown) => {
      log.warn(`${name} request failed`, { error: KcgError.from(error).message });
      response.destroy();
    });
    running.add(serving);
    void serving.finally(() => running.delete(serving));
  };
  const route = protocolRouter(onRequest, options);
  const sockets = new Set<Socket>();
  // Else an event of a stream waits for the acknowledgement of the one before, up to 40 ms.
  const server = createNetServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    route(socket);
  });
  await listen(server, options.port, options.host, options.portOption);
  const { port } = server.address() as AddressInfo;
  const address = hostPort(options.host, port);
  const endpoint = `http://${address}`;
  log.info(`${name} listens`, { endpoint });
  return {
    endpoint,
    tlsEndpoint: options.certificate ? `https://${address}` : undefined,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
      await Promise.all(running);
    },
  };
}

/** Hands a connection to the server of its protocol. Those servers never listen themselves. */
function protocolRouter(
  onRequest: (request: ServiceRequest, response: ServiceResponse) => void,
  { certificate, log, name }: ServiceServerOptions,
): (socket: Socket) => void {
  const http1 = createHttp1Server(onRequest);
  // Idle SDK connections are reused for as long as the client likes, so no reset meets a request on its way.
  http1.keepAliveTimeout = 0;
  const http2 = createHttp2Server({ maxSessionMemory: MAX_UNREAD_MB }, onRequest);
  const route = (socket: Socket) =>
    readFirst(socket, PREFACE.length, (first) => {
      if (first[0] === TLS_HANDSHAKE && !(socket as TLSSocket).encrypted) secure(socket);
      else (first.toString('latin1') === PREFACE ? http2 : http1).emit('connection', socket);
    });
  const tls =
    certificate &&
    createTlsServer({ ...certificate, ALPNProtocols: ['h2', 'http/1.1'] }, route).on(
      'tlsClientError',
      (error: Error) => log.warn(`${name}: a client broke off TLS`, { error: error.message }),
    );
  const secure = (socket: Socket) => {
    if (tls) return void tls.emit('connection', socket);
    const fix = 'Use http:// in the endpoint, or start with --tls.';
    log.warn(`${name}: a client speaks TLS, which is off`, { fix });
    socket.destroy();
  };
  return route;
}

/** Waits for `length` bytes, shows them, and leaves the connection as if nobody had read. One that ends before is closed. */
function readFirst(socket: Socket, length: number, then: (first: Buffer) => void): void {
  const drop = () => socket.destroy();
  const look = () => {
    const first = socket.read(length) as Buffer | null;
    if (first === null) return;
    socket.off('readable', look).off('error', drop).off('end', drop);
    socket.unshift(first);
    then(first);
  };
  socket.on('readable', look).on('error', drop).on('end', drop);
}
