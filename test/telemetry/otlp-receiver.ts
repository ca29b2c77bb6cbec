import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import type { ServerCertificate } from '../../src/dev/tls/certificate.ts';
import { listen } from '../../src/lib/listen.ts';

export interface OtlpRequest {
  path: string;
  headers: IncomingHttpHeaders;
  /** Uncompressed; the strings of protobuf stand in it as they are. */
  body: Buffer;
}

/** Takes what exporters of OpenTelemetry send. */
export interface OtlpReceiver {
  endpoint: string;
  requests: OtlpRequest[];
  /** The answer to all that comes; 200 and nothing else to begin with. */
  answer: (status: number, body?: Buffer) => void;
  /** Nothing is answered from now on. */
  hang: () => void;
  close: () => Promise<void>;
}

/** @param tls what it shows of itself; without, it speaks plain HTTP */
export async function startOtlpReceiver(port = 0, tls?: ServerCertificate): Promise<OtlpReceiver> {
  const requests: OtlpRequest[] = [];
  let status: number | undefined = 200;
  let said: Buffer | undefined;
  const onRequest: RequestListener = (request, response) => {
    void buffer(request).then((sent) => {
      const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
      requests.push({ path: request.url ?? '', headers: request.headers, body });
      if (status !== undefined)
        response.writeHead(status, { 'content-type': 'application/x-protobuf' }).end(said);
    });
  };
  const server = tls ? createTlsServer(tls, onRequest) : createServer(onRequest);
  await listen(server, port, '127.0.0.1');
  const address = server.address() as { port: number };
  return {
    endpoint: `${tls ? 'https' : 'http'}://127.0.0.1:${address.port}`,
    requests,
    answer(next, body) {
      status = next;
      said = body;
    },
    hang: () => (status = undefined),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
