import { describe, expect, it } from 'vitest';
import {
  callLambda,
  type LambdaContext,
  type LambdaFunction,
} from '../../../src/runtime/handlers/lambda-function.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { aBatch, aContext, aRecord } from './a-batch.ts';

const answer = { batchItemFailures: [{ itemIdentifier: '2' }] };
const later = (work: () => void) => void Promise.resolve().then(work);

function call(fn: LambdaFunction, clock = new VirtualClock()): Promise<unknown> {
  const context = aContext({ deadlineMs: clock.now() + 30_000 });
  return callLambda(fn, aBatch(aRecord('1'), aRecord('2')), context, { clock, uuid: () => 'a-uuid' });
}

describe('a Lambda function', () => {
  it("gets Lambda's event and its context", async () => {
    const clock = new VirtualClock();
    let got: { event: unknown; context: LambdaContext } | undefined;
    await call(async (event, context) => void (got = { event, context }), clock);
    expect(got!.event).toMatchObject({
      Records: [{ eventID: 'shardId-000000000000:1', kinesis: { data: btoa('data-1') } }, {}],
    });
    expect(got!.context).toMatchObject({
      awsRequestId: 'a-uuid',
      functionName: 'shop.orders',
      functionVersion: '$LATEST',
      invokedFunctionArn: 'arn:aws:kcg:eu-west-1:123456789012:group:shop.orders',
      memoryLimitInMB: expect.stringMatching(/^\d+$/),
    });
    expect(got!.context.getRemainingTimeInMillis()).toBe(30_000);
    await clock.advance(10_000);
    expect(got!.context.getRemainingTimeInMillis()).toBe(20_000);
    await clock.advance(60_000);
    expect(got!.context.getRemainingTimeInMillis()).toBe(0);
  });

  it.each<[string, LambdaFunction]>([
    ['returns a promise', async () => answer],
    ['returns it, though it is not async', () => answer],
    ['calls back', (_event, _context, callback) => later(() => callback(null, answer))],
    ['calls back before it returns', (_event, _context, callback) => callback(undefined, answer)],
    ['calls back and is async', async (_event, _context, callback) => callback(null, answer)],
    [
      'calls back twice',
      (_event, _context, callback) => later(() => (callback(null, answer), callback(null))),
    ],
    ['calls context.succeed later', (_event, context) => later(() => context.succeed(answer))],
    [
      'calls back later, and returns what it began',
      (_event, _context, callback) => setImmediate(() => callback(null, answer)),
    ],
    [
      'calls context.done later, and returns whether something took it',
      (_event, context) => (later(() => context.done(null, answer)), true),
    ],
    ['returns it, though it takes a callback', (_event, _context, _callback) => answer],
    ['hands context.done on', (_event, { done }) => later(() => done(null, answer))],
  ])('that %s has answered', async (_, fn) => {
    expect(await call(fn)).toEqual(answer);
  });

  it.each<[string, LambdaFunction]>([
    ['rejects', async () => Promise.reject(new Error('no'))],
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['calls back with it', (_event, _context, callback) => later(() => callback(new Error('no')))],
    ['calls context.fail', (_event, context) => later(() => context.fail(new Error('no')))],
    ['calls context.done with it', (_event, context) => later(() => context.done(new Error('no')))],
  ])('that %s has failed', async (_, fn) => {
    await expect(call(fn)).rejects.toThrow('no');
  });

  it('that says nothing and takes no callback has answered when it returns', async () => {
    expect(await call(() => {})).toBeUndefined();
  });

  it.each([null, 0, ''])('that takes a callback and returns %j has answered', async (returned) => {
    expect(await call((_event, _context, _callback) => returned)).toBe(returned);
  });

  it('that takes a callback is waited for', async () => {
    const waiting = call((_event, _context, _callback) => {});
    expect(await Promise.race([waiting, new Promise((done) => setImmediate(done, 'waits'))])).toBe('waits');
  });
});
