import { Agent, request, type IncomingHttpHeaders } from 'node:http';

/** A call of a client, on connections of this agent; `false`: on one of its own. */
export interface Called {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface CallOptions {
  method?: string;
  body?: string | readonly string[];
  headers?: Record<string, string>;
  trailers?: Record<string, string>;
  signal?: AbortSignal;
}

/** A runtime interface client in a few lines, which does only what it is told. */
export class AClient {
  readonly agent = new Agent({ keepAlive: true });
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  call(path: string, { method = 'POST', body = [], headers, trailers, signal }: CallOptions = {}) {
    return new Promise<Called>((resolve, reject) => {
      const call = request({
        host: '127.0.0.1',
        port: this.#port,
        path,
        method,
        headers: { ...headers, ...(trailers ? { trailer: Object.keys(trailers).join(',') } : {}) },
        agent: this.agent,
        ...(signal ? { signal } : {}),
      });
      call.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        );
        response.on('error', reject);
      });
      call.on('error', reject);
      for (const part of [body].flat()) call.write(part);
      if (trailers) call.addTrailers(Object.entries(trailers));
      call.end();
    });
  }

  next(signal?: AbortSignal): Promise<Called & { id: string }> {
    const options = { method: 'GET', ...(signal ? { signal } : {}) };
    return this.call('/2018-06-01/runtime/invocation/next', options).then((called) => ({
      ...called,
      id: String(called.headers['lambda-runtime-aws-request-id']),
    }));
  }

  respond(id: string, answer: unknown = { batchItemFailures: [] }, options: CallOptions = {}) {
    const body = typeof answer === 'string' ? answer : JSON.stringify(answer);
    return this.call(`/2018-06-01/runtime/invocation/${id}/response`, { body, ...options });
  }

  fail(id: string, error: unknown, options: CallOptions = {}) {
    return this.call(`/2018-06-01/runtime/invocation/${id}/error`, {
      body: JSON.stringify(error),
      ...options,
    });
  }

  initError(error: unknown) {
    return this.call('/2018-06-01/runtime/init/error', { body: JSON.stringify(error) });
  }

  /** Its process ends: the kernel closes what it had open. */
  end(): void {
    this.agent.destroy();
  }
}
