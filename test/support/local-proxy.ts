import { createServer, request } from 'node:http';
import { connect, type AddressInfo } from 'node:net';

export interface LocalProxy {
  url: string;
  /** `host:port` of each request that came, in order. */
  asked: string[];
  close(): void;
}

/** An HTTP proxy on loopback, plain and CONNECT, that takes whatever host is named to the port that `routes` has for it. */
export async function startLocalProxy(routes: Record<string, number>): Promise<LocalProxy> {
  const asked: string[] = [];
  const server = createServer((incoming, response) => {
    const { host, hostname, pathname } = new URL(incoming.url ?? '');
    asked.push(host);
    const { method, headers } = incoming;
    const options = { host: '127.0.0.1', port: routes[hostname], method, headers, path: pathname };
    const outgoing = request(options, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    outgoing.on('error', () => response.destroy());
    incoming.pipe(outgoing);
  });
  server.on('connect', ({ url = '' }: { url?: string }, socket) => {
    asked.push(url);
    const port = routes[url.split(':', 1)[0] ?? ''];
    if (port === undefined) return void socket.end('HTTP/1.1 403 Forbidden by policy\r\n\r\n');
    const target = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(target).pipe(socket);
    });
    for (const [one, other] of [
      [socket, target],
      [target, socket],
    ] as const) {
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
