import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { reportFiles, type ReportInput } from '../../src/cli/report.ts';
import type { StoredObject } from '../../src/kubernetes/cluster.ts';
import { tarOf } from '../../src/lib/tar.ts';
import { redactLogLine, WORKER_MESSAGES } from '../../src/view/redact.ts';
import { anObject, aPicture, NOW, ROWS, workerRow } from '../support/a-picture.ts';

/** In everything that must not be in a report, whole or in part. */
const SECRET = 'MARKER-of-a-secret';
const DATA = 'MARKER-of-record-data';

const container = {
  name: 'worker',
  image: 'kcg:1',
  command: ['python3', 'app.py', `--token=${SECRET}`],
  args: [SECRET],
  env: [
    { name: 'PASSWORD', value: SECRET },
    { name: 'FROM', valueFrom: { secretKeyRef: { name: 'aws', key: 'k' } } },
  ],
};
const condition = (type: string, reason: string, message: string) => ({
  type,
  status: 'False',
  reason,
  message,
  lastTransitionTime: '2026-11-23T11:00:00Z',
});
const object = anObject(
  {
    observedGeneration: 1,
    conditions: [
      condition('HandlerHealthy', 'HandlerFailing', `w-a says: no ${DATA}`),
      condition('Ready', 'HandlerFailing', `w-a says: no ${DATA}`),
      condition('WorkersAvailable', 'CrashLooping', `last words: ${SECRET}`),
      condition('StreamReady', 'StreamNotFound', 'there is no stream orders'),
      condition('Reconciling', 'Waiting', `w-a says: no ${DATA}`),
      condition('Reconciling', 'RollingOut', `last words: ${SECRET}`),
      condition('Reconciling', 'Blocked', `webhook says: ${SECRET}`),
      condition('Reconciling', 'Retrying', `webhook says: ${SECRET}`),
      condition('Reconciling', 'HandingOver', '2 of 3 shards owned'),
    ],
  },
  {
    handler: {
      exec: { container: 'app', command: ['python3', SECRET] },
      filters: [{ pattern: `{"partitionKey":["${DATA}"]}` }],
    },
    checkpoints: { table: { tags: { owner: SECRET } } },
    endpoints: { kinesis: `https://user:${SECRET}@kinesis.example` },
    template: { spec: { containers: [container] } },
  },
);
object.metadata.annotations = {
  'kubectl.kubernetes.io/last-applied-configuration': SECRET,
  'example.com/token': SECRET,
  'kcg.dev/revision': '7',
};
const pod: StoredObject = {
  ...object,
  kind: 'Pod',
  metadata: { ...object.metadata, name: 'orders-worker-x-a' },
  spec: { containers: [container], initContainers: [container] },
  status: {
    phase: 'Running',
    containerStatuses: [
      {
        name: 'worker',
        restartCount: 3,
        lastState: { terminated: { exitCode: 1, message: `card ${DATA}` } },
        state: { waiting: { reason: 'CrashLoopBackOff', message: SECRET } },
      },
    ],
  },
};
const event = (kind: string, reason: string, note: string): StoredObject => ({
  ...object,
  kind: 'Event',
  metadata: { ...object.metadata, name: reason },
  spec: undefined,
  status: undefined,
  reason,
  note,
  regarding: { kind, name: 'x' },
});
const line = (fields: object) => JSON.stringify({ level: 'info', time: '2026-11-23T12:00:00Z', ...fields });
const input: ReportInput = {
  version: '0.1.0',
  kubernetes: 'v1.37.2',
  picture: aPicture({
    object,
    from: [...ROWS.slice(0, 4), workerRow('orders-worker-x-a', { failing: 1, failing_why: DATA })],
    table: { tags: { owner: SECRET } } as never,
    unknown: [{ what: 'pods', why: `GET https://me:${SECRET}@api failed` }],
  }),
  objects: [object, pod],
  events: [
    event('KinesisConsumerGroup', 'HandlerFailing', DATA),
    event('Pod', 'Unhealthy', `Liveness probe failed: ${DATA}`),
    event('Pod', 'FailedScheduling', '0/3 nodes are available'),
    event('KinesisConsumerGroup', 'Claimed', 'group id shop.orders claimed'),
  ],
  logs: new Map([
    [
      'orders-worker-x-a',
      [
        `got ${DATA}`,
        line({ message: `order ${DATA}`, time: '2026-11-23T12:00:00Z' }),
        line({ message: 'HandlerFailed', shardId: 'shardId-1', attempt: 2, error: `no ${DATA}` }),
        line({ message: 'the program wrote to stderr', line: DATA }),
        line({
          message: 'TableTrouble',
          operation: 'Query',
          error: 'dynamodb:Query took longer than 2000 ms',
        }),
        line({ message: 'BatchDelivered', records: 5, secret: SECRET }),
      ],
    ],
  ]),
  metrics: new Map([['orders-worker-x-a', 'kcg_worker_shards 3\n']]),
  missing: [],
};

describe('a report', () => {
  const files = reportFiles(input);
  const all = files.map(({ path, content }) => `${path}\n${content as string}`).join('\n');

  test('has no secret and no record data', () => {
    expect(JSON.stringify(input.objects)).toContain(SECRET);
    const found = files.filter(({ content }) => /MARKER/.test(content as string)).map(({ path }) => path);
    expect(found).toEqual([]);
    expect(all).not.toContain('MARKER');
  });

  test('has what a bug is found with', () => {
    for (const kept of [
      'there is no stream orders',
      '2 of 3 shards owned',
      '"owner": "<left out>"',
      'environment variables and of tags,',
      '"PASSWORD"',
      'secretKeyRef',
      '"image": "kcg:1"',
      'CrashLoopBackOff',
      '0/3 nodes are available',
      'group id shop.orders claimed',
      'dynamodb:Query took longer than 2000 ms',
      '"message":"HandlerFailed","shardId":"shardId-1","attempt":2',
      'kcg_worker_shards 3',
      '"kcg.dev/revision": "7"',
      '"sequence": "495"',
      '3 lines left out',
    ])
      expect(all).toContain(kept);
  });

  test('is an archive that tar reads', () => {
    const archive = tarOf(files, NOW);
    const names = execFileSync('tar', ['-tf', '-'], { input: archive, encoding: 'utf8' }).trim().split('\n');
    expect(names).toEqual(files.map(({ path }) => path));
    const readme = execFileSync('tar', ['-xOf', '-', 'README.txt'], { input: archive, encoding: 'utf8' });
    expect(readme).toBe(files[0]?.content);
  });
});

test('the lines that are kept are those of the events that workers tell', () => {
  const source = readFileSync('src/runtime/worker-event.ts', 'utf8');
  const changes = readFileSync('src/runtime/leasing/ownership-change.ts', 'utf8');
  const types = [...`${source}${changes}`.matchAll(/type: '([A-Z]\w+)'/g)].map(([, type = '']) => type);
  expect(types.length).toBeGreaterThan(15);
  expect([...new Set(types)].filter((type) => !WORKER_MESSAGES.has(type))).toEqual([]);
  expect(redactLogLine('{"message":"Alice"}')).toBeUndefined();
});
