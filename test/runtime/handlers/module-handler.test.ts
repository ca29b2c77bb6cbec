import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ownExport } from '../../../src/runtime/handlers/module-export.ts';
import type { CloseReason } from '../../../src/runtime/handlers/handler.ts';
import { moduleHandler, OwnHandler } from '../../../src/runtime/handlers/module-handler.ts';
import type { Batch, Context } from '../../../src/runtime/handlers/module-types.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { aBatch, aContext, aLog, aRecord } from './a-batch.ts';

const fixture = (name: string) => join(import.meta.dirname, 'fixtures', name);
const deps = { clock: new VirtualClock(), log: silentLog };
const signal = new AbortController().signal;

async function started() {
  const handler = moduleHandler({ path: fixture('scripted.ts') }, deps);
  await handler.start(signal);
  return handler;
}

/** A batch of three records whose first tells the fixture what to do. */
const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const batchThat = (does: string) =>
  aBatch(aRecord('1', { data: Buffer.from(does) }), aRecord('2'), aRecord('3'));

const unhandled: unknown[] = [];
const note = (reason: unknown) => unhandled.push(reason);
beforeEach(() => void process.on('unhandledRejection', note));
afterEach(() => {
  process.off('unhandledRejection', note);
  expect(unhandled.splice(0)).toEqual([]);
});

describe('a module handler', () => {
  it('gives the module records and their shard', async () => {
    const log = aLog();
    const data = Buffer.from('log {"total":7}').subarray(0, 3);
    const batch = aBatch(
      aRecord('1', { data }),
      aRecord('2', { data: Buffer.from('{"total":7}'), subSequence: 4 }),
    );
    const handler = await started();
    expect(await handler.handle(batch, aContext({ log, attempt: 3, traceparent: TRACE }))).toEqual({
      outcome: 'done',
    });
    const got = log.lines[0]!.fields as { batch: Batch; context: Context };
    expect(got.batch).toMatchObject({ shardId: 'shardId-000000000000', millisBehindLatest: 1500 });
    expect(got.context).toMatchObject({
      groupId: 'shop.orders',
      streamName: 'orders',
      shardId: 'shardId-000000000000',
      attempt: 3,
      traceparent: TRACE,
    });
    const [plain, sub] = got.batch.records;
    expect(plain).toMatchObject({ sequenceNumber: '1', partitionKey: 'key-1', data });
    expect(plain!.text()).toBe('log');
    expect(plain).not.toHaveProperty('subSequenceNumber');
    expect(plain!.approximateArrivalTimestamp).toEqual(new Date('2026-01-01T00:00:00.250Z'));
    expect(sub).toMatchObject({ sequenceNumber: '2', subSequenceNumber: 4 });
    expect(sub!.json<{ total: number }>().total).toBe(7);
  });

  it.each([
    ['return', { outcome: 'done' }],
    ['fail', { outcome: 'done' }],
    ['fail 3 2', { outcome: 'partial', firstFailure: 1 }],
    ['fail 9', { outcome: 'failed', error: { code: 'HandlerFailed' } }],
    [
      'throw the row',
      {
        outcome: 'failed',
        error: {
          message: expect.stringMatching(/threw TypeError: cannot read the row \(\/.+scripted\.ts:\d+\)$/),
        },
      },
    ],
    ['throw-string', { outcome: 'failed', error: { message: 'the handler threw no database' } }],
    [
      'throw-object',
      { outcome: 'failed', error: { message: 'the handler threw [Object: null prototype] { code: 503 }' } },
    ],
    ['throw-nothing', { outcome: 'failed', error: { message: 'the handler threw undefined' } }],
  ])('takes %j as the result it is', async (does, result) => {
    const handler = await started();
    expect(await handler.handle(batchThat(does), aContext())).toMatchObject(result);
  });

  it('keeps record data out of the failure when a record is not JSON', async () => {
    const handler = await started();
    const result = await handler.handle(batchThat('parse'), aContext());
    expect(result).toMatchObject({
      outcome: 'failed',
      error: {
        message: expect.stringMatching(
          /threw SyntaxError: the record 1 is not JSON \(\/.+scripted\.ts:\d+\)$/,
        ),
      },
    });
  });

  it.each(['hang', 'reject-late'])(
    'does not wait for a module that, told to stop, does "%s"',
    async (does) => {
      const handler = await started();
      const controller = new AbortController();
      const handling = handler.handle(batchThat(does), aContext({ signal: controller.signal }));
      controller.abort(new Error('the lease ran out'));
      expect(await handling).toMatchObject({
        outcome: 'failed',
        error: { code: 'Aborted', message: 'given up: the lease ran out' },
      });
      // Long enough for the late rejection to be noticed, if nobody handled it.
      await new Promise((done) => setTimeout(done, 20));
    },
  );

  it('tells whether a module that was told to stop still runs', async () => {
    const handler = await started();
    const stopped = async (does: string) => {
      const controller = new AbortController();
      const handling = handler.handle(batchThat(does), aContext({ signal: controller.signal }));
      controller.abort(new Error('the time is up'));
      const result = await handling;
      return { running: result.outcome === 'failed' ? result.running : undefined };
    };
    const late = await stopped('reject-late');
    expect(late.running).toBeInstanceOf(Promise);
    await late.running;
    const hangs = await stopped('hang');
    const still = new Promise((resolve) => setTimeout(resolve, 50, 'runs'));
    expect(await Promise.race([hangs.running?.then(() => 'has ended'), still])).toBe('runs');
  });

  it('does not call the module when the signal has aborted before', async () => {
    const log = aLog();
    const handler = await started();
    const result = await handler.handle(batchThat('log'), aContext({ log, signal: AbortSignal.abort() }));
    expect(result).toMatchObject({ outcome: 'failed', error: { code: 'Aborted' } });
    expect(log.lines).toEqual([]);
  });

  it('runs a Lambda handler file as it is', async () => {
    const log = aLog();
    const handler = moduleHandler({ path: fixture('lambda.ts') }, { ...deps, log });
    await handler.start(signal);
    expect(log.lines).toMatchObject([
      { message: 'handler loaded', fields: { export: 'handler', form: 'lambda' } },
    ]);
    const batch = aBatch(aRecord('1'), aRecord('2', { data: Buffer.from('fail') }), aRecord('3'));
    expect(await handler.handle(batch, aContext())).toEqual({ outcome: 'partial', firstFailure: 1 });
    expect(await handler.handle(aBatch(aRecord('1')), aContext())).toEqual({ outcome: 'done' });
  });

  it('takes the default export when there is a Lambda handler too, and warns of it', async () => {
    const log = aLog();
    const handler = moduleHandler({ path: fixture('both.ts') }, { ...deps, log });
    await handler.start(signal);
    expect(log.lines).toMatchObject([
      { level: 'warn', fields: { export: 'default', form: 'function', passedOver: 'handler' } },
    ]);
    expect(await handler.handle(aBatch(aRecord('1')), aContext())).toEqual({ outcome: 'done' });
  });

  it('says what there is when the export it was told is not there', async () => {
    const handler = moduleHandler({ path: fixture('lambda.ts'), exportName: 'main' }, deps);
    await expect(handler.start(signal)).rejects.toMatchObject({
      message: expect.stringMatching(/exports no function main; it exports handler$/),
    });
  });

  it.each<[reason: CloseReason, isGivenUp: boolean]>([
    ['Failed', true],
    ['LeaseLost', false],
  ])(
    'gives up on an instance of a class that does not close only where its shard waits for it: %s, %s',
    async (reason, isGivenUp) => {
      const clock = new VirtualClock();
      const log = aLog();
      const made = class {
        process() {}
        close() {
          return new Promise<void>(() => {});
        }
      };
      const handler = new OwnHandler({ load: async () => ownExport(made, 'handler'), folder: '', clock });
      await handler.start(signal);
      const program = handler.open!({
        ...aContext({ log }),
        from: { at: 'TRIM_HORIZON' },
        checkpoint: () => ({ outcome: 'noted' }),
      });
      await program.start(signal);
      let isClosed = false;
      void program.close(reason).then(() => (isClosed = true));
      await clock.advance(60_000);
      expect(isClosed).toBe(isGivenUp);
      expect(log.lines).toMatchObject(
        isGivenUp ? [{ level: 'warn', message: 'close of the handler failed' }] : [],
      );
    },
  );

  it.each([
    ['missing.ts', /handler module \S+\/missing\.ts does not exist$/],
    ['', /is not a file$/],
    ['no-default.ts', /has no default export that is a function, and no Lambda/],
    ['not-a-function.ts', /has no default export that is a function, and no Lambda/],
  ])('does not start with %j', async (name, message) => {
    const starting = moduleHandler({ path: fixture(name) }, deps).start(signal);
    await expect(starting).rejects.toMatchObject({
      code: 'InvalidInput',
      message: expect.stringMatching(message),
    });
  });
});
