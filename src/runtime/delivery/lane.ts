import { positionOf, type UserRecord } from '../../kinesis/record.ts';
import { backoffMs } from '../../lib/backoff.ts';
import { KcgError } from '../../lib/errors.ts';
import { Wakeup } from '../../lib/loop.ts';
import type { GiveUpCondition } from '../failure/failure-destination.ts';
import type { FailedResult, HandlerContext, HandlerResult } from '../handlers/handler.ts';
import { undecodable } from '../payload/payloads.ts';
import { takeDecodable } from '../payload/take-decodable.ts';
import type { BatchSpan } from './batch-spans.ts';
import { ENDED } from './care.ts';
import type { LaneOptions } from './delivery-options.ts';
import { sendGivenUp } from './give-up.ts';
import { afterCall, beforeCall, cut, newPart, type Part, type Verdict } from './retry-policy.ts';
import { callInTime } from './timed-call.ts';

const HANDLER_BACKOFF = { baseMs: 200, maxMs: 30_000 };
/** Also for one that is back at once: a batch may be what ends it. */
const LEAST_BACKOFF_MS = 1_000;
/** What a handler may take to stop when its time is up, ms. Until then the batch is not tried again beside it. */
export const STOP_MS = 30_000;

type Failure = Exclude<HandlerResult, { outcome: 'done' }>;

/**
 * Hands the batches of one lane to the handler, one at a time and in order, and does with what fails as the policy says. A
 * batch counts as processed only when the handler said so while the lease was good, and as given up only when the destination
 * has it.
 */
export class Lane {
  readonly #options: LaneOptions;
  readonly #wakeup = new Wakeup();
  /** What woke or may wake a retry: listened to once, as the same promise can be given for days. */
  #back: { promise: Promise<void> | undefined; wakeup: Wakeup } | undefined;

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /** There may be something to deliver. */
  wake(): void {
    this.#wakeup.wake();
  }

  /** True when the end of the shard was reached with everything processed; false when it was told to stop. */
  async run(): Promise<boolean> {
    const { buffer, clock, stop, isUrgent, isLast, onReleased } = this.#options;
    while (!stop.aborted) {
      const before = buffer.bytes;
      const records = buffer.take(clock.monotonic(), isUrgent());
      if (records) {
        const bytes = before - buffer.bytes;
        await this.#deliver(records);
        onReleased(bytes);
      } else if (isLast() && buffer.length === 0) {
        return true;
      } else {
        const deadline = buffer.nextDeadlineMs;
        const waitMs = deadline === undefined ? Infinity : Math.max(1, deadline - clock.monotonic());
        await this.#wakeup.sleep(clock, waitMs, stop);
      }
    }
    return false;
  }

  async #deliver(records: readonly UserRecord[]): Promise<void> {
    const { stop, leaseIsGood, lose } = this.#options;
    let parts: readonly Part[] = [newPart(records)];
    while (parts.length > 0 && !stop.aborted) {
      if (!leaseIsGood()) return lose('the lease of this worker ran out');
      const next = await this.#step(parts[0]!);
      if (next === undefined) return;
      parts = [...next, ...parts.slice(1)];
    }
  }

  /** What there is to do in place of `part`; undefined when it is over. */
  async #step(part: Part): Promise<readonly Part[] | undefined> {
    const { policy, clock, care, leaseIsGood, lose, stop, abandon, isStopping } = this.#options;
    const old = beforeCall(part, policy, clock.now());
    if (old) return this.#goOn(old);
    const resumed = care.resume(part);
    if (resumed) {
      const { ended, giveUp } = resumed;
      if (ended) this.#tell(ended, ENDED, giveUp ? undefined : 0);
      return this.#goOn(resumed);
    }
    const { given, later, problem } = this.#take(part);
    const mayStill = () => leaseIsGood() && beforeCall(given, policy, clock.now()) === undefined;
    const result = problem ?? (await care.call(given, mayStill, () => this.#call(given)));
    if (result === undefined) return [given, ...later];
    if (!leaseIsGood()) {
      lose('the lease of this worker ran out while a batch was processed');
      return undefined;
    }
    if (abandon.aborted) return undefined;
    // Told to stop while it waited for its turn: nobody has it, and nothing failed.
    if (stop.aborted && result.outcome === 'failed' && result.isMissed) return undefined;
    // Nor does a failure count once it is told to: what the handler needs may be on its way out, too.
    const retries = stop.aborted || isStopping() ? { ...policy, maxAttempts: -1 } : policy;
    const { done, giveUp, rest, backoff } = afterCall(given, result, retries);
    if (done > 0) this.#finished(given.records.slice(0, done), 'processed');
    if (result.outcome === 'done') care.passed(given);
    else await this.#failed(given, result, { done, giveUp, backoff });
    return this.#goOn({ giveUp, rest: [...rest, ...later] });
  }

  async #goOn({ giveUp, rest }: Pick<Verdict, 'giveUp' | 'rest'>): Promise<readonly Part[] | undefined> {
    if (giveUp === undefined) return rest;
    if (!(await this.#giveUp(giveUp.part, giveUp.condition))) return undefined;
    this.#options.care.passed(giveUp.part);
    return rest;
  }

  /** As much of the part as the handler takes at once and as can be decoded; when its first record cannot, that alone. */
  #take(part: Part): { given: Part; later: readonly Part[]; problem?: FailedResult } {
    const { handler, payloads } = this.#options;
    const [fitting] = cut(part, handler.fit?.(part.records) ?? part.records.length);
    if (payloads === undefined)
      return { given: fitting!, later: cut(part, fitting!.records.length).slice(1) };
    const { records, problem } = takeDecodable(fitting!.records, payloads.decode);
    const [given, ...later] = cut(part, Math.max(records.length, 1));
    if (records.length > 0) return { given: { ...given!, records }, later };
    const error = undecodable(given!.records[0]!, problem ?? '', payloads);
    return { given: given!, later, problem: { outcome: 'failed', error, isUndecodable: true } };
  }

  #call({ records, calls, misses }: Part): Promise<HandlerResult> {
    const { shardId, handler, context, clock, timeoutMs, stop, abandon, behindMs, spans } = this.#options;
    const batch = { shardId, records, millisBehindLatest: behindMs() };
    const attempt = calls + misses + 1;
    const span = spans?.begin({ shardId, ...this.#name(), records: records.length, attempt });
    const about = { ...context, shardId, attempt, stop, traceparent: span?.traceparent };
    const call = (within: Pick<HandlerContext, 'signal' | 'deadlineMs' | 'timeoutMs'>) =>
      handler.handle(batch, { ...about, ...within });
    const called = handler.limitsTime
      ? call({ signal: abandon, deadlineMs: clock.now() + timeoutMs, timeoutMs })
      : callInTime(call, abandon, { clock, timeoutMs });
    return span ? endSpan(span, called) : called;
  }

  /** Tells it, and waits until what comes next may be tried. */
  async #failed(
    part: Part,
    result: Failure,
    { done, giveUp, backoff }: { done: number; giveUp: unknown; backoff: number },
  ): Promise<void> {
    const { clock, random, care, stop } = this.#options;
    const retryInMs = backoff === 0 ? 0 : Math.round(backoffMs(backoff, random, HANDLER_BACKOFF));
    this.#tell(part, failureOf(result, part.records[done]), giveUp ? undefined : retryInMs);
    const running = result.outcome === 'failed' ? result.running : undefined;
    if (running) await this.#untilStopped(running, part);
    care.failed(part.records[done]!);
    const leastMs = Math.min(retryInMs, LEAST_BACKOFF_MS);
    await clock.sleep(leastMs, { signal: stop });
    const back = this.#wakeupBy(result.outcome === 'failed' ? result.back : undefined);
    if (retryInMs > leastMs) await back.sleep(clock, retryInMs - leastMs, stop);
  }

  #tell({ calls, misses }: Part, error: KcgError, retryInMs: number | undefined): void {
    const { shardId, onEvent } = this.#options;
    const told = { shardId, ...this.#name(), attempt: calls + misses + 1, error };
    onEvent({ type: 'HandlerFailed', ...told, ...(retryInMs === undefined ? {} : { retryInMs }) });
  }

  #wakeupBy(promise: Promise<void> | undefined): Wakeup {
    if (this.#back === undefined || this.#back.promise !== promise) {
      const wakeup = new Wakeup();
      void promise?.then(() => wakeup.wake());
      this.#back = { promise, wakeup };
    }
    return this.#back.wakeup;
  }

  /** A batch does not run beside itself: code that does not stop when it is told to ends with its process. */
  async #untilStopped(running: Promise<void>, part: Part): Promise<void> {
    const { shardId, clock, care, stop, abandon, onStuck } = this.#options;
    const stopped = new Wakeup();
    let isRunning = true;
    void running.then(() => {
      isRunning = false;
      stopped.wake();
    });
    await stopped.sleep(clock, STOP_MS, abandon); // a hand-over waits for it, as for a batch
    if (!isRunning || stop.aborted) return;
    care.endsOn(part);
    const what = `the handler went on for ${STOP_MS / 1000} seconds after its signal told it to stop`;
    onStuck(
      new KcgError('Timeout', what, {
        resource: `shard ${shardId}`,
        fix: 'Pass context.signal on to what the handler awaits, or give it longer: spec.handler.timeoutSeconds.',
      }),
    );
    await clock.sleep(Infinity, { signal: stop }); // the worker ends; nothing else wakes this lane
  }

  /** True once it is given up for good. */
  async #giveUp({ records, calls, isError }: Part, condition: GiveUpCondition): Promise<boolean> {
    const { shardId, lane, lanes, context, destination, onEvent, clock, random } = this.#options;
    const { stop, abandon, leaseIsGood } = this.#options;
    if (abandon.aborted || !leaseIsGood()) return false;
    if (destination) {
      const { groupId, streamName, streamArn, region } = context;
      const isSent = await sendGivenUp(
        {
          groupId,
          streamName,
          streamArn,
          region,
          shardId,
          records,
          lane,
          lanes,
          condition,
          approximateInvokeCount: calls,
          isHandlerError: isError,
          givenUpAt: clock.now(),
        },
        {
          clock,
          random,
          destination,
          stop,
          abandon,
          mayGoOn: leaseIsGood,
          onTrouble: (error, retryInMs) =>
            onEvent({ type: 'DestinationFailed', shardId, ...this.#name(), error, retryInMs }),
        },
      );
      if (!isSent || abandon.aborted) return false;
      // Somebody else may be at work on the shard: it is for them to say what is processed.
      if (!leaseIsGood()) return false;
    }
    onEvent({
      type: 'RecordsGivenUp',
      shardId,
      ...this.#name(),
      condition,
      records: records.length,
      first: positionOf(records[0]!),
      last: positionOf(records.at(-1)!),
      attempts: calls,
      ...(destination ? { destination: destination.name } : {}),
    });
    this.#finished(records, condition);
    return true;
  }

  #finished(records: readonly UserRecord[], how: 'processed' | GiveUpCondition): void {
    this.#options.onFinished(this.#options.lane, records, how);
  }

  /** Where a shard has only one lane, nobody needs to know which. */
  #name(): { lane?: number } {
    const { lane, lanes } = this.#options;
    return lanes > 1 ? { lane } : {};
  }
}

async function endSpan(span: BatchSpan, called: Promise<HandlerResult>): Promise<HandlerResult> {
  const result = await called;
  // Who never got the batch has processed nothing.
  if (result.outcome !== 'failed' || !result.isMissed) span.end(result);
  return result;
}

function failureOf(result: Failure, first: UserRecord | undefined): KcgError {
  if (result.outcome === 'failed') return result.error;
  const which = first ? `, the first of them ${first.sequence}` : '';
  return new KcgError('HandlerFailed', `the handler reported records of the batch as failed${which}`);
}
