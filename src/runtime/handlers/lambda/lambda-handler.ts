import { randomUUID } from 'node:crypto';
import { abortError, type Clock } from '../../../lib/clock.ts';
import { KcgError } from '../../../lib/errors.ts';
import type { Log } from '../../../lib/log.ts';
import { notInTime } from '../../delivery/timed-call.ts';
import { failed } from '../batch-item-failures.ts';
import type { Batch, FailedResult, Handler, HandlerContext, HandlerResult } from '../handler.ts';
import { lambdaEvent } from '../lambda-event.ts';
import { aborted } from '../unless-aborted.ts';
import { FunctionCalls, type Invocation } from './function-calls.ts';
import type { FunctionCounts } from './function-counts.ts';
import { invocationHeaders } from './invocation-headers.ts';
import { resultOfPost, type Post } from './posted-result.ts';
import { startRuntimeApi, type RuntimeApi } from './runtime-api.ts';

export interface LambdaHandlerOptions {
  /** Where the Runtime API is served on loopback; 0 = any free port. */
  port: number;
  /** As the function sees itself in its ARN. */
  functionName: string;
  /** Invocations in flight at once; undefined: as many as the clients ask for. */
  maxConcurrency?: number | undefined;
  clock: Clock;
  log: Log;
}

export interface LambdaHandler extends Handler {
  /** The Runtime API's; known once it is open. */
  readonly port: number | undefined;
  readonly counts: FunctionCounts;
}

/** A client that answers asks again at once; one that is started anew needs a moment. */
const AWAY_MS = 10_000;
const REPORT_EVERY_MS = 10_000;
/** As in Lambda at most. */
const DEFAULT_TIMEOUT_MS = 900_000;

/** Hands each batch to a program written for AWS Lambda, which asks for it with a runtime interface client. */
export function lambdaHandler(options: LambdaHandlerOptions): LambdaHandler {
  const { clock, log, maxConcurrency } = options;
  const calls = new FunctionCalls(clock, maxConcurrency);
  let api: RuntimeApi | undefined;
  return {
    kind: 'lambda',
    limitsTime: true,
    get port() {
      return api?.port;
    },
    get counts() {
      return calls.counts;
    },
    get trouble() {
      return calls.initError === undefined ? undefined : `the function cannot begin: ${calls.initError}`;
    },
    get hangs() {
      return calls.hangs;
    },
    async listen() {
      if (api) return;
      api = await startRuntimeApi({ port: options.port, calls, clock, log });
      log.info('serving the Lambda Runtime API', { functionApi: `127.0.0.1:${api.port}` });
    },
    async start(signal) {
      await this.listen!();
      await untilAsked(options, calls, signal);
    },
    handle: (batch, context) => new Call(options, calls, batch, context).run(),
    async close() {
      await api?.close();
      api = undefined;
    },
  };
}

async function untilAsked({ clock, log }: LambdaHandlerOptions, calls: FunctionCalls, signal: AbortSignal) {
  const asked = new AbortController();
  if (calls.absentMs === undefined) return;
  void calls.whenAsked().then(() => asked.abort());
  const either = AbortSignal.any([signal, asked.signal]);
  while (!either.aborted) {
    await clock.sleep(REPORT_EVERY_MS, { signal: either });
    if (!either.aborted) log.info('waiting for the function to ask for its first event');
  }
  if (!asked.signal.aborted) throw aborted(signal);
}

/** One batch on its way through a client. */
class Call {
  readonly #options: LambdaHandlerOptions;
  readonly #calls: FunctionCalls;
  readonly #batch: Batch;
  readonly #context: HandlerContext;
  readonly #id = randomUUID();
  readonly #over = new AbortController();
  readonly #result = Promise.withResolvers<HandlerResult>();
  #begun: AbortController | undefined;
  #isWatched = false;
  #dueMs = 0;

  constructor(options: LambdaHandlerOptions, calls: FunctionCalls, batch: Batch, context: HandlerContext) {
    this.#options = options;
    this.#calls = calls;
    this.#batch = batch;
    this.#context = context;
  }

  async run(): Promise<HandlerResult> {
    const { signal, stop } = this.#context;
    if (signal.aborted) return { outcome: 'failed', error: aborted(signal) };
    const onAbort = () => this.#giveUp({ outcome: 'failed', error: aborted(signal) });
    const onStop = () => this.#stopWaiting();
    signal.addEventListener('abort', onAbort);
    stop?.addEventListener('abort', onStop);
    this.#calls.invoke(this.#invocation());
    if (!this.#begun) void this.#watchAbsence();
    this.#stopWaiting();
    try {
      return await this.#result.promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
      stop?.removeEventListener('abort', onStop);
      this.#over.abort(OVER);
    }
  }

  #invocation(): Invocation {
    const { clock, functionName } = this.#options;
    const { timeoutMs = DEFAULT_TIMEOUT_MS } = this.#context;
    const id = this.#id;
    return {
      id,
      body: Buffer.from(JSON.stringify(lambdaEvent(this.#batch, this.#context))),
      headers: () => invocationHeaders({ id, functionName, nowMs: clock.now(), timeoutMs }, this.#context),
      onBegun: () => void this.#limitTime(),
      onUndelivered: () => this.#waitAgain(),
      onEnd: (end) => this.#end(end),
    };
  }

  /** The time of a batch begins when a client has it. */
  async #limitTime(): Promise<void> {
    const { clock } = this.#options;
    const { timeoutMs = DEFAULT_TIMEOUT_MS } = this.#context;
    const begun = new AbortController();
    this.#begun = begun;
    this.#dueMs = clock.monotonic() + timeoutMs;
    const over = () => begun.abort(OVER);
    this.#over.signal.addEventListener('abort', over, { once: true });
    await clock.sleep(timeoutMs, { signal: begun.signal });
    if (!begun.signal.aborted) this.#giveUp({ outcome: 'failed', error: notInTime(timeoutMs) });
  }

  #waitAgain(): void {
    this.#begun?.abort(OVER);
    this.#begun = undefined;
    void this.#watchAbsence();
    this.#stopWaiting();
  }

  /** Once told to stop, unless a client has it. */
  #stopWaiting(): void {
    const { stop } = this.#context;
    if (stop?.aborted && !this.#begun) this.#giveUp(missed(`given up: ${abortError(stop).message}`));
  }

  /** Where nobody asks, nothing tells when the batch will be taken. */
  async #watchAbsence(): Promise<void> {
    if (this.#isWatched) return;
    this.#isWatched = true;
    const { clock } = this.#options;
    const calls = this.#calls;
    const { signal } = this.#over;
    while (!signal.aborted) {
      await clock.sleep(AWAY_MS, { signal });
      const { absentMs } = calls;
      if (signal.aborted || absentMs === undefined || absentMs < AWAY_MS) continue;
      const since = `for ${Math.round(absentMs / 1000)} s`;
      const why = calls.hangs
        ? `the function has not asked for an event ${since}, since it did not answer one in time`
        : `the function has not asked for an event ${since}`;
      const said = calls.initError === undefined ? '' : `; it said that it cannot begin: ${calls.initError}`;
      this.#giveUp({ ...missed(why + said), back: calls.whenAsked() });
    }
  }

  #end(end: Post | 'lost'): void {
    const { records } = this.#batch;
    const lost = () => failed('the function ended without an answer: it has begun anew since');
    this.#result.resolve(end === 'lost' ? lost() : resultOfPost(end, records));
  }

  #giveUp(result: FailedResult): void {
    if (this.#over.signal.aborted) return;
    this.#calls.giveUp(this.#id, this.#dueMs);
    this.#result.resolve(result);
  }
}

const OVER = new KcgError('Aborted', 'over');

function missed(why: string): FailedResult {
  const fix = 'See what the container of spec.handler.lambda logs.';
  return { outcome: 'failed', error: new KcgError('HandlerFailed', why, { fix }), isMissed: true };
}
