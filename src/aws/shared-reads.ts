import type { OnReadOpts, Socket } from 'node:net';

const BUFFER_BYTES = 256 * 1024;

/** Sockets whose bytes are taken while they are handed over. */
const lent = new WeakSet<Socket>();

/**
 * Lets sockets read into one buffer, in place of a new one for each 64 KB, which is garbage as soon as it is copied.
 * What is read is copied for listeners, as they may keep it, unless the socket is lent.
 */
export function sharedReads(): OnReadOpts {
  return {
    buffer: Buffer.allocUnsafeSlow(BUFFER_BYTES),
    callback(this: Socket, length: number, buffer: Uint8Array) {
      const bytes = Buffer.from(buffer.buffer, buffer.byteOffset, length);
      this.emit('data', lent.has(this) ? bytes : Buffer.from(bytes));
      return true;
    },
  };
}

/**
 * From now on what comes is gone when the listener returns. Only for a reader that has been called and keeps up, as a stream
 * would otherwise keep what it could not yet hand on.
 */
export function lend(socket: Socket): void {
  lent.add(socket);
}

export function takeBack(socket: Socket): void {
  lent.delete(socket);
}
