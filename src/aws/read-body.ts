import type { IncomingMessage } from 'node:http';
import { lend, takeBack } from './shared-reads.ts';

/** Above what GetRecords may send: not to be believed beforehand. */
const MAX_ANNOUNCED_BYTES = 64 * 1024 * 1024;

/** The whole body of an answer, in one buffer, of the announced length if there is one; to be taken out. @throws what ends it too soon */
export function readBody(message: IncomingMessage, onHeard: () => void): Promise<{ body: Buffer }> {
  const { socket } = message;
  const announced = Number(message.headers['content-length']);
  let body = announced <= MAX_ANNOUNCED_BYTES ? Buffer.allocUnsafeSlow(announced) : undefined;
  const chunks: Buffer[] = [];
  let length = 0;
  return new Promise((resolve, reject) => {
    message.on('data', (chunk: Buffer) => {
      if (body) body.set(chunk, length);
      else chunks.push(Buffer.from(chunk));
      length += chunk.length;
      onHeard();
      lend(socket);
    });
    message.on('end', () => {
      takeBack(socket);
      resolve({ body: body ?? Buffer.concat(chunks) });
      // The message keeps its listeners: see `takeOut`.
      body = undefined;
      chunks.length = 0;
    });
    message.on('error', reject);
    message.on('close', () => {
      // An error costs its stack.
      if (message.readableEnded) return;
      takeBack(socket);
      reject(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
    });
  });
}
