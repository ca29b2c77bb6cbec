import { Agent } from 'node:http';
import { withDeadline, type Clock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { AppWatch, POLL_MS } from './app-watch.ts';
import type { resultOf } from './answer-meaning.ts';
import { failed } from './batch-item-failures.ts';
import { BodyLimit, tooLarge } from './body-limit.ts';
import type { Batch, FailedResult, Handler, HandlerContext, HandlerResult } from './handler.ts';
import { resultOfAnswer } from './http-answer.ts';
import { CutOffError, describeNetworkError, isRefused, post, probe } from './http-call.ts';
import { lambdaEvent } from './lambda-event.ts';
import { aborted, unlessAborted } from './unless-aborted.ts';

export interface HttpHandlerOptions {
  /** Where batches are posted to; `http:` only, it is a container of the same pod. */
  url: string;
  /** Of its JSON; default: as an application answers. */
  meaningOf?: typeof resultOf;
  clock: Clock;
  log: Log;
}

const PROBE_TIMEOUT_MS = 10_000;
const REPORT_EVERY_MS = 10_000;
/** Idle connections kept. Busy ones are one per held shard and not bounded: a slow shard must not keep others waiting. */
const IDLE_CONNECTIONS = 8;

/** Posts each batch, as AWS Lambda's Kinesis event, to an application in any language. */
export function httpHandler({ url, meaningOf, clock, log }: HttpHandlerOptions): Handler {
  const agent = new Agent({ keepAlive: true, maxFreeSockets: IDLE_CONNECTIONS });
  const limit = new BodyLimit();
  const watch = new AppWatch({
    clock,
    findProblem: (signal) => findProblem(url, clock, signal),
    onAway: () => limit.forget(),
  });
  return {
    kind: 'http',
    async start(signal) {
      if (new URL(url).protocol !== 'http:') throw new KcgError('InvalidInput', `${url} is not an http URL`);
      for (let reportedAtMs = -Infinity; ;) {
        const problem = await findProblem(url, clock, signal);
        if (signal.aborted) throw aborted(signal);
        if (problem === undefined) return;
        if (clock.monotonic() - reportedAtMs >= REPORT_EVERY_MS) {
          reportedAtMs = clock.monotonic();
          log.info('waiting for the handler to answer', { url, problem });
        }
        await clock.sleep(POLL_MS, { signal });
      }
    },
    fit: (records) => limit.fit(records, clock.monotonic()),
    handle: (batch, context) => deliver({ url, meaningOf, agent, clock, limit, watch }, batch, context),
    async close() {
      watch.close();
      agent.destroy();
    },
  };
}

interface Way {
  url: string;
  meaningOf: typeof resultOf | undefined;
  agent: Agent;
  clock: Clock;
  limit: BodyLimit;
  watch: AppWatch;
}

async function deliver(
  { url, meaningOf, agent, clock, limit, watch }: Way,
  batch: Batch,
  context: HandlerContext,
): Promise<HandlerResult> {
  const { signal } = context;
  const { records } = batch;
  const body = JSON.stringify(lambdaEvent(batch, context));
  const refuse = (how: string, said?: string): FailedResult => {
    const error = tooLarge({ how, records, bodyBytes: Buffer.byteLength(body), said });
    const canCut = limit.refused(records, said !== undefined, clock.monotonic());
    return { outcome: 'failed', error, ...(canCut ? { isTooLarge: true } : {}) };
  };
  try {
    const call = { agent, headers: headersOf(context), signal, body };
    const answer = await unlessAborted(signal, () => post(url, call));
    if (answer.status === 413) return refuse('answered 413 to', answer.body);
    return resultOfAnswer(answer, records, meaningOf);
  } catch (thrown) {
    const isCutOff = thrown instanceof CutOffError;
    // Who closes the connection and is there refuses the batch; who is not has ended while it read it.
    const isEnded = isCutOff && (await findProblem(url, clock, signal)) !== undefined;
    if (signal.aborted) return { outcome: 'failed', error: aborted(signal) };
    const result =
      isCutOff && !isEnded
        ? refuse(`closed the connection (${thrown.message}) before it had`)
        : failed(`the handler at ${url} did not answer: ${describeNetworkError(thrown)}`, thrown);
    const isMissed = isRefused(thrown);
    const isAway = isMissed || isEnded || isRefused((thrown as Error).cause);
    return { ...result, back: watch.back(isAway), ...(isMissed ? { isMissed } : {}) };
  }
}

/**
 * Why the application cannot take batches yet. Any answer below 500 to GET is good, also 404 and 405; so is 501, with
 * which small servers (Python's) say that they know no GET.
 */
async function findProblem(url: string, clock: Clock, signal: AbortSignal): Promise<string | undefined> {
  try {
    const options = { what: 'the answer to GET', signal };
    const status = await withDeadline(clock, PROBE_TIMEOUT_MS, options, (signal) => probe(url, signal));
    return status < 500 || status === 501 ? undefined : `it answered ${status} to GET`;
  } catch (thrown) {
    return describeNetworkError(thrown);
  }
}

function headersOf({ groupId, shardId, attempt, traceparent }: HandlerContext): Record<string, string> {
  return {
    'content-type': 'application/json',
    'kcg-group-id': groupId,
    'kcg-shard-id': shardId,
    'kcg-attempt': String(attempt),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}
