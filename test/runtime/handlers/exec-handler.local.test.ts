import { resolve } from 'node:path';
import process from 'node:process';
import { afterEach, describe, expect, it, test, vi } from 'vitest';
import type { UserRecord } from '../../../src/kinesis/record.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { describeError, KcgError } from '../../../src/lib/errors.ts';
import type { Fields, Log } from '../../../src/lib/log.ts';
import { DeliveredPositions } from '../../../src/runtime/delivery/delivered-positions.ts';
import { execHandler } from '../../../src/runtime/handlers/exec-handler.ts';
import type {
  Handler,
  HandlerResult,
  ProgramContext,
  ShardProgram,
} from '../../../src/runtime/handlers/handler.ts';
import { isRunning } from '../../support/is-running.ts';

const PROGRAM = resolve(import.meta.dirname, 'fixtures/multilang-program.mjs');

interface Line {
  message: string;
  fields: Fields;
}

/** A program of one shard, and what is known of it. */
function aProgram(
  ways: readonly string[],
  {
    from = { at: 'TRIM_HORIZON' },
    held = () => true,
  }: { from?: ProgramContext['from']; held?: () => boolean } = {},
) {
  const lines: Line[] = [];
  const waiting = new Set<() => void>();
  const note = (message: string, fields: Fields = {}) => {
    lines.push({ message, fields });
    for (const wake of waiting) wake();
  };
  const log: Log = { debug: note, info: note, warn: note, error: note, child: () => log };
  const handler = execHandler({
    command: [process.execPath, PROGRAM, ...ways],
    env: process.env,
    clock: systemClock,
  });
  const positions = new DeliveredPositions(from);
  const checkpoints: unknown[] = [];
  const context: ProgramContext = {
    groupId: 'shop.orders',
    streamName: 'orders',
    streamArn: 'arn',
    region: 'eu-west-1',
    shardId: 'shardId-000000000000',
    log,
    from,
    checkpoint: (asked) => {
      if (!held()) return { outcome: 'refused', reason: 'NotHeld', message: 'it is not held' };
      const verdict = positions.checkpoint(asked);
      if (verdict.as === 'refused')
        return { outcome: 'refused', reason: 'OutOfRange', message: verdict.message };
      checkpoints.push(verdict.as === 'position' ? verdict.checkpoint : verdict.as);
      return { outcome: 'noted' };
    },
  };
  const program = handler.open!(context);
  opened.push(handler);
  /** The first line of stderr, or of its log, that has this. */
  async function line(text: string): Promise<string> {
    for (;;) {
      const found = lines.map(({ fields }) => lineOf(fields)).find((line) => line.includes(text));
      if (found !== undefined) return found;
      await new Promise<void>((wake) => waiting.add(wake));
    }
  }
  const signal = new AbortController().signal;
  return {
    handler,
    program,
    context,
    checkpoints,
    lines,
    start: () => program.start(signal),
    give: (...sequences: string[]) => {
      const records = sequences.map(aRecord);
      positions.delivered(records);
      const batch = { shardId: context.shardId, records, millisBehindLatest: 1.5 };
      return program.handle(batch, { ...context, attempt: 1, deadlineMs: 0, signal });
    },
    end: () => {
      positions.reachedEnd();
      return program.shardEnded(signal);
    },
    shutDown: () => program.shutdownRequested(signal),
    /** What it got, parsed. */
    got: () =>
      lines
        .map(({ fields }) => lineOf(fields))
        .filter((line) => line.startsWith('got '))
        .map((line) => JSON.parse(line.slice(4)) as Record<string, unknown>),
    /** The answer to its checkpoint, when it has written that it has got it. */
    answer: async () => JSON.parse((await line('got {"action":"checkpoint"')).slice(4)) as unknown,
    line,
  };
}

const opened: Handler[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((handler) => handler.close()));
});

function aRecord(at: string): UserRecord {
  const [sequence = '', sub] = at.split('/');
  const data = Buffer.from(`data of ${at}`);
  const inside = sub === undefined ? {} : { subSequence: Number(sub) };
  return { sequence, ...inside, partitionKey: 'key', data, arrivedAt: 1_700_000_000_000 };
}

const DONE: HandlerResult = { outcome: 'done' };
const saysOf = (result: HandlerResult) =>
  result.outcome === 'failed' ? describeError(result.error) : result.outcome;
const ask = (...asked: unknown[]) => `ask:${JSON.stringify(asked)}`;

describe('a program of the MultiLang protocol', () => {
  it('is told the life of its shard, in this order and these words', async () => {
    const { start, give, shutDown, program, got } = aProgram([], {
      from: { at: 'SEQUENCE', sequence: '49', subSequence: 2 },
    });
    expect(await start()).toEqual(DONE);
    expect(await give('50', '51/3')).toEqual(DONE);
    expect(await shutDown()).toEqual(DONE);
    await program.close('ShutdownRequested');
    expect(got()).toEqual([
      { action: 'initialize', shardId: 'shardId-000000000000', sequenceNumber: '49', subSequenceNumber: 2 },
      {
        action: 'processRecords',
        records: [
          {
            action: 'record',
            data: Buffer.from('data of 50').toString('base64'),
            partitionKey: 'key',
            sequenceNumber: '50',
            subSequenceNumber: 0,
            approximateArrivalTimestamp: 1_700_000_000_000,
          },
          expect.objectContaining({ sequenceNumber: '51', subSequenceNumber: 3 }),
        ],
        millisBehindLatest: 2,
      },
      { action: 'shutdownRequested' },
      { action: 'leaseLost' },
    ]);
  });

  it.each([
    [{ at: 'TRIM_HORIZON' }, 'TRIM_HORIZON'],
    [{ at: 'AT_TIMESTAMP', timestampMs: 5 }, 'AT_TIMESTAMP'],
    [{ at: 'SEQUENCE', sequence: '7' }, '7'],
  ] as const)('begins at %j', async (from, sequenceNumber) => {
    const { start, line } = aProgram([], { from });
    await start();
    const told: unknown = JSON.parse((await line('got ')).slice(4));
    expect(told).toMatchObject({ action: 'initialize', sequenceNumber, subSequenceNumber: 0 });
  });

  it('checkpoints the end of its shard, and is not told that the lease is lost then', async () => {
    const { start, give, end, program, got, checkpoints } = aProgram([
      `shardEnded=${ask({ sequenceNumber: null })}`,
    ]);
    await start();
    await give('1');
    expect(await end()).toEqual(DONE);
    await program.close('ShardEnded');
    expect(checkpoints).toEqual(['end']);
    expect(got().map(({ action }) => action)).toEqual([
      'initialize',
      'processRecords',
      'shardEnded',
      'checkpoint',
    ]);
  });

  test.each([
    [
      'everything',
      { sequenceNumber: null, subSequenceNumber: null },
      null,
      { at: 'SEQUENCE', sequence: '3' },
    ],
    ['everything, with no field at all', {}, null, { at: 'SEQUENCE', sequence: '3' }],
    [
      'a record',
      { sequenceNumber: '2', subSequenceNumber: 0 },
      null,
      { at: 'SEQUENCE', sequence: '2', subSequence: 0 },
    ],
    [
      'a record without a sub-sequence number, as aws-kcl does',
      { sequenceNumber: '3' },
      null,
      { at: 'SEQUENCE', sequence: '3' },
    ],
    [
      'beyond what it was given',
      { sequenceNumber: '4', subSequenceNumber: 0 },
      'IllegalArgumentException',
      undefined,
    ],
    [
      'behind where it began',
      { sequenceNumber: '0', subSequenceNumber: null },
      'IllegalArgumentException',
      undefined,
    ],
    ['no number', { sequenceNumber: 'x', subSequenceNumber: null }, 'IllegalArgumentException', undefined],
    [
      'a negative sub-sequence number',
      { sequenceNumber: '3', subSequenceNumber: -1 },
      'IllegalArgumentException',
      undefined,
    ],
  ])('is answered when it checkpoints %s', async (_, asked, error, checkpoint) => {
    const { start, give, answer, checkpoints } = aProgram([`processRecords=${ask(asked)}`], {
      from: { at: 'SEQUENCE', sequence: '1' },
    });
    await start();
    expect(await give('2', '3')).toEqual(DONE);
    const echoed = { sequenceNumber: null, subSequenceNumber: null, ...asked };
    expect(await answer()).toEqual({ action: 'checkpoint', ...echoed, error });
    expect(checkpoints).toEqual(checkpoint ? [checkpoint] : []);
  });

  it('keeps all digits of a sequence number that comes without quotes', async () => {
    const long = '49590338271490256608559692538361571095921575989136588898';
    const raw = `{"action":"checkpoint","sequenceNumber":${long}}`;
    const { start, give, answer } = aProgram([`processRecords=${ask(raw)}`]);
    await start();
    await give(long);
    expect(await answer()).toMatchObject({ sequenceNumber: long, error: null });
  });

  it('is told ShutdownException when the shard is lost, and InvalidStateException at its beginning and end', async () => {
    let isHeld = true;
    const every = ask({ sequenceNumber: null });
    const ways = ['initialize', 'processRecords', 'leaseLost'].map((action) => `${action}=${every}`);
    const { start, give, program, got } = aProgram(ways, { held: () => isHeld });
    await start();
    isHeld = false;
    await give('1');
    await program.close('LeaseLost');
    const errors = got()
      .filter(({ action }) => action === 'checkpoint')
      .map(({ error }) => error);
    expect(errors).toEqual(['InvalidStateException', 'ShutdownException', 'InvalidStateException']);
  });

  it('may print what it likes between its messages', async () => {
    const { start, give, lines } = aProgram(['processRecords=rubbish']);
    await start();
    expect(await give('1')).toEqual(DONE);
    const printed = lines.filter(
      ({ message }) => message === 'the program printed a line that is no message',
    );
    expect(printed.map(({ fields }) => fields['line'])).toEqual([
      'hello {"action":',
      '{}',
      '[1]',
      '"text"',
      '{"action":"record"}',
    ]);
  });

  it('fills no memory with a line without end, neither of stdout nor of stderr', async () => {
    const { start, give, shutDown, lines, line } = aProgram([
      'processRecords=long',
      'shutdownRequested=stderr',
    ]);
    await start();
    expect(await give('1')).toEqual(DONE);
    expect(await shutDown()).toEqual(DONE);
    await line('yyy');
    const long = lines.filter(({ fields }) => /^[xy]/.test(lineOf(fields)));
    expect(long.slice(0, 2).map(({ fields }) => fields['isCut'])).toEqual([true, true]);
    expect(Math.max(...long.map(({ fields }) => lineOf(fields).length))).toBeLessThan(10_000);
  });
});

describe('a program that fails', () => {
  test.each([
    ['processRecords=exit:3', 'ended with exit code 3'],
    ['processRecords=exit:0', 'ended with exit code 0'],
    ['processRecords=kill', 'was ended by SIGKILL'],
    ['processRecords=wrong:initialize', 'answered initialize, though processRecords was asked'],
  ])('by %s is told with how, and which shard', async (way, how) => {
    const { start, give, program } = aProgram([way]);
    await start();
    const result = await give('1');
    expect(result).toMatchObject({ outcome: 'failed', isBroken: true });
    expect(saysOf(result)).toContain(how);
    expect(saysOf(result)).toContain('shardId-000000000000');
    expect(describeError(await program.broken)).toBe(saysOf(result));
    expect(saysOf(await give('1'))).toContain(how);
  });

  it('says the last it wrote to stderr', async () => {
    const { start } = aProgram(['initialize=exit:1']);
    expect(saysOf(await start())).toContain('the last it wrote to stderr: got {"action":"initialize"');
  });

  it('is seen when it ends with nothing to do', async () => {
    const { start, program, line } = aProgram(['child=1']);
    await start();
    const child = Number((await line('child ')).slice(6));
    process.kill(child);
    const { program: other, start: begin, give } = aProgram(['processRecords=twice']);
    await begin();
    await give('1');
    expect(describeError(await other.broken)).toContain('answered processRecords, though nothing was asked');
    await program.close('Failed');
  });

  it('fails when it closes its standard output and goes on', async () => {
    const { start, give, program } = aProgram(['processRecords=closeStdout']);
    await start();
    expect(saysOf(await give('1'))).toContain('closed its standard output');
    await program.close('Failed');
  });

  it('ends at once when it hangs, with all that it has started, though it ignores SIGTERM', async () => {
    const { start, program, line, context } = aProgram([
      'processRecords=hang',
      'child=1',
      'ignoresSigterm=1',
    ]);
    await start();
    const child = Number((await line('child ')).slice(6));
    const late = new AbortController();
    const batch = { shardId: context.shardId, records: [aRecord('1')], millisBehindLatest: 0 };
    const handled = program.handle(batch, { ...context, attempt: 1, deadlineMs: 0, signal: late.signal });
    late.abort(new KcgError('Timeout', 'the handler did not answer'));
    expect(await handled).toMatchObject({ outcome: 'failed', isBroken: true });
    await program.close('Failed');
    await vi.waitFor(() => expect(isRunning(child)).toBe(false), { timeout: 120_000 });
  });

  it('is not begun again before the one that had the shard has ended', async () => {
    const { start, program, handler, context, line } = aProgram(['child=1']);
    await start();
    const child = Number((await line('child ')).slice(6));
    await handler.open!(context).close('LeaseLost'); // nothing of it ever ran
    const next = handler.open!(context);
    const order: string[] = [];
    const started = next.start(new AbortController().signal).finally(() => order.push('begun'));
    await program.close('LeaseLost');
    order.push('ended');
    await vi.waitFor(() => expect(isRunning(child)).toBe(false), { timeout: 120_000 });
    expect(await started).toEqual(DONE);
    expect(order).toEqual(['ended', 'begun']);
  });

  test.each<[string, string[], NodeJS.ProcessEnv, string]>([
    [
      'does not exist',
      ['/nowhere/program'],
      {},
      'the program /nowhere/program of handler.exec does not exist',
    ],
    [
      'is in no folder of PATH',
      ['no-such-program'],
      { PATH: '/nowhere' },
      'is in no folder of PATH (/nowhere)',
    ],
    [
      'is a whole line',
      ['python3 app.py'],
      {},
      'write each argument as an entry of its own, [python3, app.py].',
    ],
    ['is a folder', ['/tmp'], {}, 'is not a file'],
    ['is no program', [PROGRAM], {}, 'may not be executed'],
  ])('is refused at the start when it %s', async (_, command, env, problem) => {
    const handler = execHandler({ command, env, clock: systemClock });
    const refused = await handler.start(new AbortController().signal).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'InvalidInput' });
    expect(describeError(refused)).toContain(problem);
  });

  it.each([
    ['is not there any more', ['/nowhere/program']],
    ['has more arguments than the system takes', [process.execPath, 'x'.repeat(300_000)]],
  ])('is told in words when it cannot be run after all, as it %s', async (_, command) => {
    const handler = execHandler({ command, env: {}, clock: systemClock });
    const { context } = aProgram([]);
    const program: ShardProgram = handler.open!(context);
    const result = await program.start(new AbortController().signal);
    expect(saysOf(result)).toMatch(/^the program \/.* cannot be run: /);
    await program.close('Failed');
  });
});

function lineOf({ line }: Fields): string {
  return typeof line === 'string' ? line : '';
}
