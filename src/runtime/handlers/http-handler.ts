import { Agent, request, type IncomingMessage } from 'node:http';
import type { Clock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { failed, resultOf, unlessAborted } from './batch-item-failures.ts';
import type { Batch, Handler, HandlerContext, HandlerResult } from './handler.ts';
import { lambdaEvent } from './lambda-event.ts';

export interface HttpHandlerOptions {
  url: string;
  clock: Clock;
  log: Log;
}

const START_POLL_MS = 250;
const REPORT_EVERY = 40;
const PROBE_TIMEOUT_MS = 2_000;
const MAX_ANSWER_BYTES = 1024 * 1024;
const SHOWN_CHARACTERS = 200;

/** Posts each batch, as AWS Lambda's Kinesis event, to an application in any language. */
export function httpHandler({ url, clock, log }: HttpHandlerOptions): Handler {
  const agent = new Agent({ keepAlive: true });
  return {
    kind: 'http',
    /** Until the application answers anything at all below 500: a 404 or 405 to GET is an answer. */
    async start(signal) {
      for (let tries = 0; !signal.aborted; tries += 1) {
        const problem = await probe(url);
        if (problem === undefined) return;
        if (tries % REPORT_EVERY === 0) log.info('waiting for the handler to answer', { url, problem });
        await clock.sleep(START_POLL_MS, { signal });
      }
    },
    handle: (batch, context) => unlessAborted(context.signal, post(url, agent, batch, context)),
    close: async () => agent.destroy(),
  };
}

function probe(url: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const call = request(url, { method: 'GET', agent: false, timeout: PROBE_TIMEOUT_MS });
    call.on('response', (response) => {
      response.resume();
      const status = response.statusCode ?? 500;
      resolve(status < 500 ? undefined : `status ${status}`);
    });
    call.on('timeout', () => call.destroy(new Error(`no answer in ${PROBE_TIMEOUT_MS} ms`)));
    call.on('error', (error) => resolve(error.message));
    call.end();
  });
}

async function post(
  url: string,
  agent: Agent,
  batch: Batch,
  context: HandlerContext,
): Promise<HandlerResult> {
  const body = JSON.stringify(lambdaEvent(batch, context));
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'kcg-group-id': context.groupId,
    'kcg-shard-id': context.shardId,
    'kcg-attempt': String(context.attempt),
  };
  try {
    const { status, text } = await send(url, { agent, headers, signal: context.signal }, body);
    if (status < 200 || status > 299) {
      return failed(`the handler answered ${status}: ${text.slice(0, SHOWN_CHARACTERS)}`);
    }
    return resultOf(text.trim() === '' ? undefined : JSON.parse(text), batch.records);
  } catch (thrown) {
    if (thrown instanceof SyntaxError)
      return failed('the handler answered something that is not JSON', thrown);
    return failed(`the handler at ${url} did not answer: ${(thrown as Error).message}`, thrown);
  }
}

function send(
  url: string,
  options: { agent: Agent; headers: Record<string, string | number>; signal: AbortSignal },
  body: string,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const call = request(url, { method: 'POST', ...options });
    call.on('response', (response) => {
      readText(response).then((text) => resolve({ status: response.statusCode ?? 500, text }), reject);
    });
    call.on('error', reject);
    call.end(body);
  });
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += (chunk as Buffer).length;
    if (bytes > MAX_ANSWER_BYTES) throw new KcgError('HandlerFailed', 'the answer is longer than 1 MiB');
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}
