import { request, type Agent, type IncomingMessage } from 'node:http';

export interface PostOptions {
  agent: Agent | false;
  headers: Record<string, string | number>;
  signal: AbortSignal;
  body: string;
}

export interface Answer {
  status: number;
  /** The header, if there is one. */
  contentType: string | undefined;
  /** The header with which Lambda, and what stands in for it, marks a failed invocation. */
  functionError: string | undefined;
  body: string;
  /** False: the body went on after the first MiB, and `body` is the beginning of it. */
  isWhole: boolean;
}

const MAX_ANSWER_BYTES = 1024 * 1024;

/**
 * One POST. It has no time limit of its own: `signal` ends it, or a connection that breaks.
 * @throws Error of node:http when there was no whole answer.
 */
export async function post(url: string, options: PostOptions): Promise<Answer> {
  try {
    return await postOnce(url, options);
  } catch (thrown) {
    // Servers close idle connections; a request sent at that moment finds one dead that was thought alive.
    if (!(thrown instanceof StaleConnectionError)) throw thrown;
    return postOnce(url, { ...options, agent: false }).catch((again: unknown) => {
      // It was there for the first one, which may have ended it: that nobody listens now does not say that nobody had it.
      throw isRefused(again) ? new Error(thrown.message, { cause: again }) : again;
    });
  }
}

class StaleConnectionError extends Error {}

/** The application closed the connection before it had the whole request. */
export class CutOffError extends Error {}

function postOnce(url: string, { agent, headers, signal, body }: PostOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request(url, { method: 'POST', agent, headers, signal });
    let isAnswered = false;
    call.on('response', (response) => {
      isAnswered = true;
      read(response).then(resolve, reject);
    });
    // Once there is an answer, only reading it counts: an application may refuse a request it has not read whole.
    call.on('error', (error: NodeJS.ErrnoException) => {
      if (isAnswered) return;
      const isBroken = error.code === 'ECONNRESET' || error.code === 'EPIPE';
      if (isBroken && call.reusedSocket) reject(new StaleConnectionError(error.message));
      else if (isBroken && !call.writableFinished) reject(new CutOffError(error.message, { cause: error }));
      else reject(error);
    });
    call.on('close', () => {
      if (!isAnswered) reject(new Error('the connection was closed without an answer'));
    });
    call.end(body);
  });
}

async function read(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) break;
  }
  const body = Buffer.concat(chunks).toString('utf8');
  const { statusCode: status = 0, headers } = response;
  const functionError = [headers['x-amz-function-error']].flat()[0] || undefined;
  return {
    status,
    contentType: headers['content-type'],
    functionError,
    body,
    isWhole: bytes <= MAX_ANSWER_BYTES,
  };
}

/** The status of a GET on a connection of its own, whose body is not read. @throws Error of node:http */
export function probe(url: string, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request(url, { method: 'GET', agent: false, signal });
    call.on('response', ({ statusCode }) => {
      resolve(statusCode ?? 0);
      call.destroy();
    });
    call.on('error', reject);
    call.end();
  });
}

/** Nobody listens there. */
export function isRefused(thrown: unknown): boolean {
  if (thrown instanceof AggregateError) return thrown.errors.every(isRefused);
  return (thrown as NodeJS.ErrnoException | undefined)?.code === 'ECONNREFUSED';
}

/** A name with several addresses fails with an error of errors that has no message of its own. */
export function describeNetworkError(thrown: unknown): string {
  if (thrown instanceof AggregateError) return thrown.errors.map(describeNetworkError).join(', ');
  return thrown instanceof Error ? thrown.message : String(thrown);
}
