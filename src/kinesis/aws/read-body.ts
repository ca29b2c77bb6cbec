import type { IncomingMessage } from 'node:http';

/** The whole body of an answer, in one buffer. @throws what ends it too soon */
export function readBody(message: IncomingMessage, onHeard: () => void): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    message.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      onHeard();
    });
    message.once('end', () => resolve(Buffer.concat(chunks)));
    message.once('error', reject);
    message.once('close', () => reject(Object.assign(new Error('aborted'), { code: 'ECONNRESET' })));
  });
}
