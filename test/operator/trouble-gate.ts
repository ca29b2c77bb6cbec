import { randomUUID } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, request, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { makeCertificate } from '../../src/dev/tls/certificate.ts';
import type { KubeCredentials } from '../../src/kubernetes/kube/config.ts';
import type { Random } from '../../src/lib/random.ts';
import { lastingPort } from '../support/lasting-port.ts';

/** What becomes of calls while it is set. Shares are 0 to 1, drawn for each call that is no watch, or each event of a watch. */
export interface ApiTrouble {
  /** Answered 429, with a Retry-After of a second. */
  throttled?: number;
  /** Answered 503. */
  failing?: number;
  /** Done, and the connection ends before the answer. */
  unanswered?: number;
  /** Each answer is so late, ms. */
  lateMs?: number;
  /** Nothing is answered and no watch tells, until it is over. */
  silent?: boolean;
  /** Events of watches come again, later than the next, or with the end of the watch: in order, or because its version is forgotten. */
  repeated?: number;
  swapped?: number;
  cut?: number;
  gone?: number;
}

/** An API server, and what it wants to see on a call. */
type Target = { url: string } & KubeCredentials;

const SILENT_LOOK_MS = 50;
const GONE = `${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, message: 'too old' } })}\n`;

/** What stands before an API server, with a token and a certificate of its own: both can be replaced while it serves. */
export class TroubleGate {
  /** May be replaced at any time, for what is open, too. */
  trouble: ApiTrouble = {};
  readonly #target: Target;
  readonly #random: Random;
  readonly #folder = mkdtempSync(join(tmpdir(), 'kcg-gate-'));
  readonly #port: number;
  readonly #server: Server;
  #token = randomUUID();
  #ca: string;

  private constructor(target: Target, port: number, random: Random) {
    this.#target = target;
    this.#port = port;
    this.#random = random;
    const { ca, ...keys } = makeCertificate(Date.now());
    this.#ca = ca;
    this.#server = createServer(keys, (incoming, response) => {
      void this.#pass(incoming, response).catch(() => response.destroy());
    });
  }

  static async start(target: Target, random: Random): Promise<TroubleGate> {
    const gate = new TroubleGate(target, await lastingPort(), random);
    await gate.accept();
    gate.#writeKubeconfig();
    return gate;
  }

  get kubeconfig(): string {
    return join(this.#folder, 'kubeconfig');
  }

  accept(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject).listen(this.#port, '127.0.0.1', resolve);
    });
  }

  /** As if nobody listened on the port. */
  async refuse(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  /** Takes the new token alone from now on; the kubeconfig has it `lateMs` later. */
  async renewToken(lateMs: number): Promise<void> {
    this.#token = randomUUID();
    await setTimeout(lateMs);
    this.#writeKubeconfig();
  }

  /** Another authority has signed its certificate; the kubeconfig knows that `lateMs` later. */
  async renewCertificate(lateMs: number): Promise<void> {
    const { ca, ...keys } = makeCertificate(Date.now());
    this.#ca = ca;
    this.#server.setSecureContext(keys);
    this.#server.closeAllConnections();
    await setTimeout(lateMs);
    this.#writeKubeconfig();
  }

  async close(): Promise<void> {
    this.trouble = {};
    await this.refuse();
    rmSync(this.#folder, { recursive: true });
  }

  #writeKubeconfig(): void {
    const server = `https://127.0.0.1:${this.#port}`;
    const authority = Buffer.from(this.#ca).toString('base64');
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'gate', cluster: { server, 'certificate-authority-data': authority } }],
      users: [{ name: 'operator', user: { token: this.#token } }],
      contexts: [{ name: 'gate', context: { cluster: 'gate', user: 'operator' } }],
      'current-context': 'gate',
    };
    writeFileSync(`${this.kubeconfig}.new`, JSON.stringify(config));
    renameSync(`${this.kubeconfig}.new`, this.kubeconfig);
  }

  async #pass(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
    const isWatch = new URL(incoming.url ?? '', 'https://gate').searchParams.get('watch') === 'true';
    await this.#whenTold();
    if (incoming.headers.authorization !== `Bearer ${this.#token}`) return sayStatus(response, 401);
    const { throttled, failing, unanswered, lateMs = 0 } = this.trouble;
    if (!isWatch && this.#happens(throttled)) return sayStatus(response, 429, { 'retry-after': '1' });
    if (!isWatch && this.#happens(failing)) return sayStatus(response, 503);
    const answer = await this.#ask(incoming, Buffer.concat(chunks), response);
    await setTimeout(lateMs);
    await this.#whenTold();
    if (!isWatch && this.#happens(unanswered)) return void response.destroy();
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    if (!isWatch) return void answer.pipe(response);
    response.flushHeaders();
    await this.#tell(answer, response);
  }

  #ask({ method, url, headers }: IncomingMessage, body: Buffer, response: ServerResponse) {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const target = this.#target;
    const options = { method, headers: { ...headers, ...target.headers }, ...target.tls };
    const outgoing = request(new URL(url ?? '', target.url), options, resolve);
    outgoing.on('error', reject);
    // A write has its effect, whether its answer is waited for or not; a watch ends with who watches.
    response.on('close', () => method === 'GET' && outgoing.destroy());
    outgoing.end(body);
    return promise;
  }

  async #tell(answer: IncomingMessage, response: ServerResponse): Promise<void> {
    let pending = '';
    let held: string | undefined;
    let last = '';
    for await (const chunk of answer.setEncoding('utf8') as AsyncIterable<string>) {
      const lines = `${pending}${chunk}`.split('\n');
      pending = lines.pop() ?? '';
      for (const text of lines) {
        await this.#whenTold();
        if (response.destroyed) return;
        const { repeated, swapped, cut, gone } = this.trouble;
        if (this.#happens(cut)) return void response.destroy();
        if (this.#happens(gone)) return void response.end(GONE);
        const line = `${text}\n`;
        if (held === undefined && this.#happens(swapped)) {
          held = line;
          continue;
        }
        response.write(`${line}${held ?? ''}${this.#happens(repeated) ? last + line : ''}`);
        held = undefined;
        last = line;
      }
    }
    response.end(held);
  }

  async #whenTold(): Promise<void> {
    while (this.trouble.silent) await setTimeout(SILENT_LOOK_MS);
  }

  #happens(share = 0): boolean {
    return share > 0 && this.#random() < share;
  }
}

function sayStatus(response: ServerResponse, code: number, headers: Record<string, string> = {}): void {
  response.writeHead(code, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify({ kind: 'Status', code, message: 'so says the gate' }));
}
