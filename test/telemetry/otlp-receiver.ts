import { createServer, type IncomingHttpHeaders } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
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
  /** The answer to all that comes; 200 to begin with. */
  answer: (status: number) => void;
  /** Nothing is answered from now on. */
  hang: () => void;
  close: () => Promise<void>;
}

export async function startOtlpReceiver(port = 0): Promise<OtlpReceiver> {
  const requests: OtlpRequest[] = [];
  let status: number | undefined = 200;
  const server = createServer((request, response) => {
    void buffer(request).then((sent) => {
      const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
      requests.push({ path: request.url ?? '', headers: request.headers, body });
      if (status !== undefined) response.writeHead(status).end();
    });
  });
  await listen(server, port, '127.0.0.1');
  const address = server.address() as { port: number };
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    requests,
    answer: (next) => (status = next),
    hang: () => (status = undefined),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
