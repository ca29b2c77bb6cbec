import type { ServiceRequest } from './service-server.ts';

/** DynamoDB's bound; and 10 MiB of Kinesis records fit into it as base64, with every partition key escaped. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** How both services turn away a body that is larger. */
export const TOO_LARGE = {
  status: 413,
  type: 'RequestEntityTooLargeException',
  message: `The request body has more than ${MAX_BODY_BYTES} bytes.`,
} as const;

/**
 * The body, or undefined when it is too large. Such a one is read to its end and forgotten: a client
 * that still sends when its connection closes reports the broken connection, not the answer.
 * Rejects when the client breaks off before the end.
 */
export async function readBody(request: ServiceRequest): Promise<Buffer | undefined> {
  let chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
    else chunks = [];
  }
  return size > MAX_BODY_BYTES ? undefined : Buffer.concat(chunks);
}
