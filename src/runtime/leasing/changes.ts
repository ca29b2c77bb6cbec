import { Agent, request } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { Clock } from '../../lib/clock.ts';
import { parseAddress } from './nudge.ts';

export const CHANGES_PATH = '/v1/changes';

/** How often a worker looks whether it has something to tell, ms: at each beat it has. */
const LOOK_MS = 1_000;
/** An operator, the next one, and one more. */
const LISTENERS_MAX = 3;
const CONNECT_MS = 2_000;
/** Of a line, and more than one is. */
const LINE_CHARACTERS_MAX = 512;

/** Writes the worker's word of its group whenever it is another one, a line each, until it has none. */
export class Changes {
  readonly #options: { clock: Clock; word: () => string | undefined; closing: AbortSignal };
  #listeners = 0;

  constructor(options: { clock: Clock; word: () => string | undefined; closing: AbortSignal }) {
    this.#options = options;
  }

  /** Ends the response. */
  async tell(response: ServerResponse): Promise<void> {
    const { clock, word, closing } = this.#options;
    if (this.#listeners >= LISTENERS_MAX || word() === undefined) {
      response.writeHead(503).end();
      return;
    }
    this.#listeners += 1;
    try {
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
      let told: string | undefined;
      while (!closing.aborted && !response.destroyed) {
        const now = word();
        if (now === undefined) break;
        if (now !== told && !response.writableNeedDrain) {
          response.write(`${now}\n`);
          told = now;
        }
        await clock.sleep(LOOK_MS, { signal: closing });
      }
    } finally {
      this.#listeners -= 1;
      response.end();
    }
  }
}

export interface Listener {
  onLine: (line: string) => void;
  /** Once: nothing more comes. Not after it was closed. */
  onEnd: () => void;
}

/** Listens to the worker at `address`; returns what ends that. An address that is not an IP literal and port is never called. */
export type Listen = (address: string, listener: Listener) => () => void;

/** One for all calls, of which an operator has one to each group open. */
const agent = new Agent();

export const httpListen: Listen = (address, { onLine, onEnd }) => {
  const target = parseAddress(address);
  let isOver = false;
  const end = () => {
    if (isOver) return;
    isOver = true;
    onEnd();
  };
  if (target === undefined) {
    queueMicrotask(end);
    return () => (isOver = true);
  }
  const call = request({ ...target, path: CHANGES_PATH, agent, timeout: CONNECT_MS });
  call.on('timeout', () => call.destroy());
  call.on('error', end);
  call.on('close', end);
  call.on('response', (response) => {
    if (response.statusCode !== 200) return void call.destroy();
    // How long may pass between two lines is the caller's to judge.
    call.setTimeout(0);
    let rest = '';
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > LINE_CHARACTERS_MAX) return void call.destroy();
      for (const line of lines) if (!isOver) onLine(line);
    });
  });
  call.end();
  return () => {
    isOver = true;
    call.destroy();
  };
};
