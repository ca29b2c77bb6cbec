import { AsyncLocalStorage } from 'node:async_hooks';
import type { EventEmitter } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import lock, { type Release, type Work } from 'lock';

/*
 * A throw in one of dynalite's callbacks passes everybody and would end the process. Here it ends its request alone. The request
 * may hold a lock of dynalite's on an item, for which others wait: it is given back.
 */

interface Asked {
  /** What it holds, as functions that give it back. */
  holds: Set<() => void>;
  fail: (error: unknown) => void;
}

const asked = new AsyncLocalStorage<Asked>();

const { Lock } = lock;
lock.Lock = () => {
  const take = Lock();
  return Object.assign((key: unknown, work: Work) => {
    const holds = asked.getStore()?.holds;
    const begin = (release: Release) => {
      const giveBack = () => release(() => {})();
      holds?.add(giveBack);
      work((done) => {
        const released = release(done);
        return (...result) => {
          holds?.delete(giveBack);
          released(...result);
        };
      });
    };
    // It begins when another request gives the lock back, and is not of that one.
    take(key, AsyncLocalStorage.bind(begin));
  }, take);
};

/** For as long as the process lives: there may be one of these. What is of no request goes the way it would have gone. */
function catchThrows(): void {
  if (process.hasUncaughtExceptionCaptureCallback()) return;
  process.setUncaughtExceptionCaptureCallback((error) => {
    const by = asked.getStore();
    if (by) by.fail(error);
    else if (!(process as EventEmitter).emit('uncaughtException', error, 'uncaughtException')) throw error;
  });
}

/**
 * To be called before `server` has requests.
 * @param onThrow is told what a request has thrown that is not answered yet; what it throws after that is of no account
 */
export function surviveThrows(
  server: Server,
  onThrow: (error: unknown, request: IncomingMessage, response: ServerResponse) => void,
): void {
  catchThrows();
  const handlers = server.listeners('request');
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const holds = new Set<() => void>();
    const fail = (error: unknown) => {
      for (const giveBack of holds) giveBack();
      holds.clear();
      if (!response.headersSent) onThrow(error, request, response);
    };
    const within = (work: () => boolean) =>
      asked.run({ holds, fail }, () => {
        try {
          return work();
        } catch (thrown) {
          fail(thrown);
          return true;
        }
      });
    const emit = request.emit.bind(request) as (...event: unknown[]) => boolean;
    request.emit = (...event: unknown[]) => within(() => emit(...event));
    for (const handle of handlers) within(() => handle.call(server, request, response) !== false);
  });
}
