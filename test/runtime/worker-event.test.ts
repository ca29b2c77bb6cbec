import { describe, expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import type { Fields, Log } from '../../src/lib/log.ts';
import { logWorkerEvent, workerEventLog, type WorkerEvent } from '../../src/runtime/worker-event.ts';
import { ManualClock } from '../support/manual-clock.ts';

function logged(event: WorkerEvent): { level: string; message: string; fields: Fields | undefined } {
  let line;
  const write = (level: string) => (message: string, fields?: Fields) => {
    line = { level, message, fields };
  };
  const log: Log = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: () => log,
  };
  logWorkerEvent(log, event);
  return line!;
}

describe('the log line of an event', () => {
  test('has its type as the message and its fields beside it', () => {
    const event = {
      type: 'ShardStarted',
      shardId: 's',
      epoch: 7,
      reason: 'GivenToBalance',
      from: 'a/i1',
    } as const;
    const { type, ...fields } = event;
    expect(logged(event)).toEqual({ level: 'info', message: type, fields });
  });

  test.each<[string, WorkerEvent]>([
    ['debug', { type: 'BatchDelivered', shardId: 's', records: 1, bytes: 1, millisBehindLatest: 0 }],
    ['info', { type: 'ShardStopped', shardId: 's', epoch: 1, reason: 'Ended' }],
    [
      'warn',
      { type: 'ShardStopped', shardId: 's', epoch: 1, reason: 'Lost', why: 'the row has another owner' },
    ],
    ['warn', { type: 'WorkerSelfFenced', reason: 'NotRenewed', shards: 1 }],
    ['info', { type: 'ReadTrouble', shardId: 's', error: undefined }],
  ])('is at level %s: %o', (level, event) => {
    expect(logged(event).level).toBe(level);
  });

  test('says of an error what happened, on what, what to do, and all that is behind it', () => {
    const socket = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const sdk = new TypeError('fetch failed\n  more for debugging', { cause: socket });
    const error = new KcgError('Unavailable', 'dynamodb:Query failed', {
      cause: sdk,
      resource: 'table t',
      fix: 'Check the network.',
    });
    expect(logged({ type: 'TableTrouble', operation: 'observe', error })).toEqual({
      level: 'warn',
      message: 'TableTrouble',
      fields: {
        operation: 'observe',
        error: 'dynamodb:Query failed (table t). Check the network.',
        code: 'Unavailable',
        causes: ['TypeError: fetch failed', 'Error: connect ECONNREFUSED'],
      },
    });
  });

  test('ends with errors that are their own cause', () => {
    const error = new Error('round');
    error.cause = error;
    const { fields } = logged({ type: 'TableTrouble', operation: 'beat', error: KcgError.from(error) });
    expect(fields?.['causes']).toHaveLength(5);
  });
});

describe('the log of a worker', () => {
  const lines: string[] = [];
  const logOf = (unsaid?: unknown): Log => {
    const write = (message: string, fields?: Fields) => {
      lines.push([message, fields?.['operation'] ?? fields?.['shardId'], unsaid].filter(Boolean).join(' '));
    };
    return {
      debug: write,
      info: write,
      warn: write,
      error: write,
      child: (fields) => logOf(fields['unsaid']),
    };
  };
  const trouble = (operation: string): WorkerEvent => ({
    type: 'TableTrouble',
    operation,
    error: new KcgError('Unavailable', 'table gone'),
  });

  test('says trouble that goes on once a minute, and how often it was not said', async () => {
    const clock = new ManualClock();
    const log = workerEventLog(logOf(), clock);
    for (let second = 0; second < 70; second += 1) {
      log(trouble('beat'));
      await clock.advance(1_000);
    }
    log(trouble('observe'));
    log({ type: 'ReadTrouble', shardId: 's1', error: new KcgError('NotFound', 'no stream') });
    log({ type: 'ReadTrouble', shardId: 's2', error: new KcgError('NotFound', 'no stream') });
    log({ type: 'ReadTrouble', shardId: 's1', error: undefined });
    expect(lines).toEqual([
      'TableTrouble beat',
      'TableTrouble beat 59',
      'TableTrouble observe',
      'ReadTrouble s1',
      'ReadTrouble s1',
    ]);
  });
});
