import { describe, expect, test } from 'vitest';
import { CLAIM_KEY } from '../../src/leases/row.ts';
import { isTrouble, problemsOf } from '../../src/view/group-problems.ts';
import { verdictOf } from '../../src/view/verdict.ts';
import { anObject, aPicture, NOW, READY, ROWS, shardRow, workerRow } from '../support/a-picture.ts';

const condition = (type: string, status: string, reason: string) => ({
  type,
  status,
  reason,
  message: `${reason} it is`,
  lastTransitionTime: '',
});
const reasons = (more: Parameters<typeof aPicture>[0]) =>
  problemsOf(aPicture(more)).map(({ severity, reason }) => `${severity} ${reason}`);
const said = (...conditions: object[]) => ({ object: anObject({ observedGeneration: 1, conditions }) });

describe('what is wrong with a group', () => {
  test('is nothing while all is well', () => {
    expect(problemsOf(aPicture())).toEqual([]);
  });

  test('is what the conditions say, each reason once and the worst first, with what to do', () => {
    const conditions = [
      condition('Ready', 'False', 'TableLimitReached'),
      condition('LagWithinTarget', 'False', 'LagExceeded'),
      condition('TableReady', 'False', 'TableLimitReached'),
      condition('CheckpointsAtRisk', 'False', 'CheckpointsSafe'),
    ];
    const problems = problemsOf(aPicture(said(...conditions)));
    expect(problems.map(({ reason }) => reason)).toEqual(['TableLimitReached', 'LagExceeded']);
    expect(problems[0]).toMatchObject({ severity: 'error', what: 'TableLimitReached it is' });
    expect(problems[0]?.next).toContain('have the limit raised');
  });

  test('is told once, where the message says what to do', () => {
    const conditions = [
      condition('StreamReady', 'False', 'StreamNotFound'),
      condition('GroupClaimed', 'False', 'ClaimedByOtherResource'),
      condition('ScalingLimited', 'True', 'UnknownShards'),
    ];
    const problems = problemsOf(aPicture(said(...conditions)));
    expect(problems.find(({ reason }) => reason === 'UnknownShards')?.next).toBeUndefined();
    expect(problems.slice(0, 2)).toEqual([
      { severity: 'error', reason: 'StreamNotFound', what: 'StreamNotFound it is', next: undefined },
      {
        severity: 'error',
        reason: 'ClaimedByOtherResource',
        what: 'ClaimedByOtherResource it is',
        next: undefined,
      },
    ]);
  });

  test('is not that another group holds the settings of the table, which is told all the same', () => {
    const ready = READY.filter(({ type }) => type !== 'TableReady');
    const held = said(...ready, condition('TableReady', 'True', 'TableSettingsHeld'));
    expect(reasons(held)).toEqual(['note TableSettingsHeld']);
    const refused = said(...ready, condition('TableReady', 'True', 'TableChangeRefused'));
    expect(reasons(refused)).toEqual(['note TableChangeRefused']);
    expect(problemsOf(aPicture(held)).filter(isTrouble)).toEqual([]);
  });

  test('is that nobody can tell, as AWS does not answer', () => {
    const conditions = [
      condition('Ready', 'Unknown', 'StreamUnreachable'),
      condition('StreamReady', 'Unknown', 'StreamUnreachable'),
      condition('HandlerHealthy', 'Unknown', 'HandlerUnknown'),
    ];
    const picture = aPicture({ ...said(...conditions), from: [] });
    const problems = problemsOf({ ...picture, view: undefined, rows: undefined });
    expect(problems).toEqual([
      {
        severity: 'warning',
        reason: 'StreamUnreachable',
        what: 'StreamUnreachable it is',
        // The message says what to check.
        next: 'It is tried again; workers go on as long as they are answered.',
      },
    ]);
    expect(verdictOf(picture, problems)).toEqual({ word: 'StreamUnreachable', kind: 'warning' });
  });

  test('is that the stream is not there, also where no operator says so', () => {
    const unknown = [{ what: 'stream' as const, why: 'not found', isMissing: true }];
    const picture = aPicture({ unknown, stream: undefined, object: undefined });
    expect(problemsOf(picture)).toEqual([
      { severity: 'error', reason: 'StreamNotFound', what: 'not found', next: undefined },
    ]);
  });

  test('is that the file asks to stop what reads on', () => {
    const { group, ...picture } = aPicture();
    const paused = { ...group!, spec: { ...group!.spec, desiredState: 'Paused' as const } };
    const problems = problemsOf({ ...picture, object: undefined, group: paused });
    expect(problems).toMatchObject([{ severity: 'warning', reason: 'NotAsAsked' }]);
  });

  test('is not that a range takes its time', () => {
    expect(reasons(said(...READY, condition('Complete', 'False', 'RangeReading')))).toEqual([
      'note RangeReading',
    ]);
  });

  test('is not what was asked for, nor what limits the scaling', () => {
    const paused = [
      condition('Ready', 'False', 'Paused'),
      condition('ShardsCovered', 'False', 'NotConsuming'),
    ];
    const object = anObject({ observedGeneration: 1, conditions: paused }, { desiredState: 'Paused' });
    const problems = problemsOf(aPicture({ object, from: [] }));
    expect(problems.filter(isTrouble)).toEqual([]);
    expect(problems.map(({ reason }) => reason)).toContain('Paused');
    expect(reasons(said(...READY, condition('ScalingLimited', 'True', 'MinReplicas')))).toEqual([
      'note MinReplicas',
    ]);
  });

  test.each([
    ['Paused', undefined, 'kcg resume sets it to Running.'],
    ['Stopped', 'Shadow', 'kcg resume sets it to Shadow.'],
    ['Shadow', undefined, 'Set spec.desiredState to Running, and the handler gets them.'],
  ])('is not that it is %s, which says what ends that (before: %s)', (desiredState, before, next) => {
    const object = anObject({ observedGeneration: 1, conditions: READY }, { desiredState });
    if (before !== undefined) object.metadata.annotations = { 'kcg.dev/resume': before };
    expect(problemsOf(aPicture({ object }))).toContainEqual(
      expect.objectContaining({ severity: 'note', reason: desiredState, next }),
    );
  });

  test('is that the operator has not looked, or was told not to', () => {
    expect(reasons({ object: anObject({}) })).toEqual(['warning NotObserved']);
    const fresh = anObject({ observedGeneration: -1 }); // as the API server stores a new group
    expect(problemsOf(aPicture({ object: fresh }))[0]?.what).toContain(
      'has not looked at the group since it was made',
    );
    const object = anObject();
    object.metadata.annotations = { 'kcg.dev/reconcile-paused': 'true' };
    expect(reasons({ object })).toEqual(['warning ReconcilePaused']);
  });

  test('is not that nobody lives when nobody has to', () => {
    const gone = ROWS.filter(({ shard_id }) => !shard_id.startsWith('worker#'));
    expect(reasons({ from: gone })).toEqual(['error NoLiveWorkers']);
    const zero = [
      condition('Ready', 'True', 'ScaledToZero'),
      condition('ShardsCovered', 'False', 'NotConsuming'),
    ];
    expect(reasons({ ...said(...zero), from: gone })).toEqual(['note NotConsuming']);
    const through = [...gone, { shard_id: CLAIM_KEY, completed_at: NOW }];
    expect(reasons({ ...said(...zero), from: through })).toEqual(['note RangeRead']);
    expect(reasons({ object: undefined, from: through })).toEqual(['note RangeRead']);
  });

  test.each([
    [
      'nobody lives',
      ROWS.map((row) => (row.shard_id.startsWith('worker#') ? { ...row, state: 'dead' } : row)),
      'error NoLiveWorkers',
    ],
    [
      'one shard is free',
      [...ROWS.slice(0, 3), shardRow('shardId-000000000003', { ref: 'orders-worker-x-a/older' }), ROWS[4]!],
      'warning UnownedShards',
    ],
    [
      'the handler fails',
      [...ROWS.slice(0, 4), workerRow('orders-worker-x-a', { failing: 2, failing_why: 'no' })],
      'error HandlerFailing',
    ],
    [
      'onFailure is out of reach',
      [
        ...ROWS.slice(0, 4),
        workerRow('orders-worker-x-a', { failing: 2, failing_why: 'no', failing_hangs: 2 }),
      ],
      'error DestinationFailing',
    ],
    [
      'reads fail',
      [...ROWS.slice(0, 4), workerRow('orders-worker-x-a', { unread_why: 'AccessDenied' })],
      'error ReadsFail',
    ],
    [
      'owners end one after the other',
      [...ROWS.slice(0, 3), { ...ROWS[3]!, endings: 3 }, ROWS[4]!],
      'error OwnersEnd',
    ],
    [
      'records were given up',
      [
        { ...ROWS[0]!, given_up: 3, given_up_at: NOW, given_up_why: 'RetryAttemptsExhausted' },
        ...ROWS.slice(1),
      ],
      'note RecordsGivenUp',
    ],
    [
      'a beat is late',
      [...ROWS.slice(0, 4), workerRow('orders-worker-x-a', { ttl: NOW / 1_000 + 86_400 - 100 })],
      'warning NoBeat',
    ],
    ['there are no rows', [], 'warning NoRows'],
  ])('is seen in the rows when %s, without Kubernetes as well', (_, from, expected) => {
    expect(reasons({ object: undefined, from })).toContain(expected);
    expect(reasons({ from })).toContain(expected);
  });

  const FAILED = 'arn:aws:sqs:eu-west-1:123456789012:failed';
  test.each([
    [{ sqs: { queueArn: FAILED } }, 'Hand them over again: kcg redrive.', 'goes to handler.onFailure'],
    [
      { sns: { topicArn: FAILED.replace('sqs', 'sns') } },
      expect.stringContaining('kcg redrive --from.'),
      'goes to handler.onFailure',
    ],
    [{}, expect.stringContaining('With handler.onFailure those to come are kept'), 'is given up'],
  ])('records that were given up are to be found where onFailure says: %j', (onFailure, next, goesTo) => {
    const handler = { log: {}, retry: { maxAttempts: 2 }, onFailure };
    const object = anObject(undefined, { handler });
    const given = { given_up: 3, given_up_at: NOW, given_up_why: 'RetryAttemptsExhausted' };
    const failing = workerRow('orders-worker-x-a', { failing: 2, failing_why: 'no' });
    const from = [{ ...ROWS[0]!, ...given }, ...ROWS.slice(1, 4), failing];
    expect(problemsOf(aPicture({ object, from }))).toEqual([
      expect.objectContaining({
        reason: 'HandlerFailing',
        next: `What has used up its attempts ${goesTo}; its log (kcg logs) has the rest.`,
      }),
      expect.objectContaining({ reason: 'RecordsGivenUp', next }),
    ]);
    const { group } = aPicture({ object });
    const byFile = problemsOf(aPicture({ object: undefined, group, from }));
    expect(byFile.find(({ reason }) => reason === 'RecordsGivenUp')).toMatchObject({
      what: expect.stringMatching(/^3 records given up so far, redriven since or not; /),
      next: expect.stringMatching(/kcg dev.*: kcg redrive --from given-up\.$/),
    });
  });

  test('a beat that stands still is news once it was watched', () => {
    const late = { from: [...ROWS.slice(0, 4), workerRow('orders-worker-x-a', { ttl: 1 })] };
    expect(reasons({ ...late, silentMs: new Map([['orders-worker-x-a', 1_000]]) })).not.toContain(
      'warning NoBeat',
    );
    expect(reasons({ silentMs: new Map([['orders-worker-x-a', 31_000]]) })).toContain('warning NoBeat');
  });

  test('a shard near the end of the retention is told with how far', () => {
    const from = [
      ...ROWS.slice(0, 4),
      workerRow('orders-worker-x-a', { lagging: { 'shardId-000000000001': 23 * 3_600_000 } }),
    ];
    const [problem] = problemsOf(aPicture({ from }));
    expect(problem).toMatchObject({ reason: 'NearRetention', severity: 'error' });
    expect(problem?.what).toBe('shardId-000000000001 is 23h behind, and the stream keeps 24 h.');
  });
});
