import { totalmem } from 'node:os';
import type { Clock } from '../../lib/clock.ts';
import { groupArn } from '../failure/invocation-record.ts';
import type { Batch, HandlerContext } from './handler.ts';
import { lambdaEvent } from './lambda-event.ts';

/** A function as Lambda's Node.js runtimes call it. */
export type LambdaFunction = (event: unknown, context: LambdaContext, callback: LambdaCallback) => unknown;

export type LambdaCallback = (error?: unknown, answer?: unknown) => void;

/** Lambda's context object, with what it has here. */
export interface LambdaContext {
  /** Has no effect: an answer counts when it is given. */
  callbackWaitsForEmptyEventLoop: boolean;
  /** The group's id. */
  functionName: string;
  functionVersion: string;
  /** `arn:aws:kcg:<region>:<account>:group:<group id>`: seven parts, as a function's. */
  invokedFunctionArn: string;
  memoryLimitInMB: string;
  /** A UUID for each call. */
  awsRequestId: string;
  logGroupName: string;
  logStreamName: string;
  /** Undefined, as for every function that a stream invokes. */
  identity: undefined;
  clientContext: undefined;
  /** Ms until the batch has failed, by `timeoutSeconds`. */
  getRemainingTimeInMillis(): number;
  done: LambdaCallback;
  fail(error: unknown): void;
  succeed(answer?: unknown): void;
}

export interface LambdaCall {
  clock: Clock;
  /** Of `awsRequestId`. */
  uuid: () => string;
}

const MIB = 1024 * 1024;
const ANSWERS_LATER = /\.\s*(?:done|fail|succeed)\b/;

/**
 * Calls a Lambda function with a batch; resolves to its answer, and rejects with what it threw or called back with. The first
 * answer counts, by whatever way it comes. A function that is not async and says nothing has answered when it returns, unless it
 * takes a callback or speaks of one of the context's: then it is waited for, as what it began may fail.
 */
export function callLambda(
  call: LambdaFunction,
  batch: Batch,
  context: HandlerContext,
  options: LambdaCall,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let isAwaited = call.length >= 3 || ANSWERS_LATER.test(Function.prototype.toString.call(call));
    const done: LambdaCallback = (error, answer) => {
      if (error === undefined || error === null) resolve(answer);
      else reject(error);
    };
    const given = lambdaContext(context, options);
    const answering = {
      done: () => done,
      fail: () => (error: unknown) => done(error ?? 'handled'),
      succeed: () => (answer?: unknown) => resolve(answer),
    };
    for (const [name, way] of Object.entries(answering)) {
      const get = () => {
        isAwaited = true;
        return way();
      };
      Object.defineProperty(given, name, { enumerable: true, get });
    }
    const returned = call(lambdaEvent(batch, context), given as LambdaContext, done);
    const isPromise = typeof (returned as PromiseLike<unknown> | undefined)?.then === 'function';
    if (isPromise || !isAwaited || isAnswer(returned)) resolve(returned);
  });
}

/**
 * Lambda takes no notice of what a function returns that is not async. Said as data it is meant all the same; a request, a timer or
 * the like is what the call gave that the callback ends.
 */
function isAnswer(returned: unknown): boolean {
  if (returned === null) return true;
  if (typeof returned !== 'object') return typeof returned === 'string' || typeof returned === 'number';
  const kind: unknown = Object.getPrototypeOf(returned);
  return (
    kind === Object.prototype || kind === null || Array.isArray(returned) || 'batchItemFailures' in returned
  );
}

function lambdaContext(
  { groupId, streamArn, shardId, deadlineMs }: HandlerContext,
  { clock, uuid }: LambdaCall,
): Omit<LambdaContext, 'done' | 'fail' | 'succeed'> {
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: groupId,
    functionVersion: '$LATEST',
    invokedFunctionArn: groupArn(groupId, streamArn),
    memoryLimitInMB: String(Math.floor(totalmem() / MIB)),
    awsRequestId: uuid(),
    logGroupName: `/kcg/${groupId}`,
    logStreamName: shardId,
    identity: undefined,
    clientContext: undefined,
    getRemainingTimeInMillis: () => Math.max(0, Math.floor(deadlineMs - clock.now())),
  };
}
