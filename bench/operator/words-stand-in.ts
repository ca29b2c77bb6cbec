import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CHANGES_PATH } from '../../src/runtime/leasing/changes.ts';
import { formatWord } from '../../src/view/group-word.ts';

/** Serves `/v1/changes` for many workers in one process: each has an address of its own in 127.0.0.0/8. */
export class WordsStandIn {
  readonly #server: Server;
  readonly #listeners = new Map<string, ServerResponse>();

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request, response: ServerResponse) => {
      if (request.url !== CHANGES_PATH) return void response.writeHead(204).end();
      const address = `${request.socket.localAddress}`;
      this.#listeners.set(address, response);
      response.writeHead(200);
      response.flushHeaders();
      response.on('close', () => this.#listeners.delete(address));
    });
  }

  static async open(): Promise<WordsStandIn> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
    return new WordsStandIn(server);
  }

  /** Of the nth worker. */
  addressOf(index: number): string {
    const { port } = this.#server.address() as AddressInfo;
    return `127.${1 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}:${port}`;
  }

  /** The rows say what they said before. */
  beat(address: string, { incarnation, beat }: { incarnation: string; beat: number }): void {
    const [host = ''] = address.split(':');
    this.#listeners.get(host)?.write(`${formatWord({ incarnation, beat, digest: 'same' })}\n`);
  }
}
