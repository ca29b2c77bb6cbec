import { expect, test } from 'vitest';
import { requireGroup } from '../../src/dev/group-file.ts';
import { hintsFor, redriveHint } from '../../src/main/local/dev-hints.ts';

const givenUp = {
  records: 1,
  lastTime: '2026-11-30T07:00:00Z',
  reason: 'RetryAttemptsExhausted',
  shardId: 'shardId-000000000000',
};
const local = { kinesis: { endpoint: 'http://127.0.0.1:1' }, dynamodb: { endpoint: 'http://127.0.0.1:2' } };
const options = { file: 'group.yaml', groups: 1, local: local as never, givenUpFolder: '/tmp/given-up' };

const groupWith = (handler: object) =>
  requireGroup(
    {
      apiVersion: 'kcg.dev/v1alpha1',
      kind: 'KinesisConsumerGroup',
      metadata: { name: 'orders', namespace: 'shop' },
      spec: {
        stream: { name: 'orders' },
        handler,
        template: { spec: { containers: [{ name: 'app', image: 'orders:1' }] } },
      },
    },
    'here',
  );
const hint = (handler: object, delivery: { givenUp: typeof givenUp } | undefined, groups = 1) =>
  redriveHint({ ...groupWith(handler), status: { delivery } }, { ...options, groups });

test('kcg dev says how to look and to put a record with nothing but kcg, whichever way the group came', () => {
  const group = groupWith({ log: {} });
  expect(hintsFor(group, options)).toEqual([
    'who owns what:  kcg leases -f group.yaml --dynamodb-endpoint http://127.0.0.1:2 --watch',
    'put a record:   kcg put -f group.yaml --kinesis-endpoint http://127.0.0.1:1 --partition-key a --data hello',
  ]);
  expect(hintsFor(group, { ...options, file: '-' }).map((line) => line.split('--')[1])).toEqual([
    'table kinesis-checkpoints-shop-orders ',
    'stream orders ',
  ]);
  const shadow = { ...group, spec: { ...group.spec, desiredState: 'Shadow' as const } };
  expect(hintsFor(shadow, { ...options, file: '-' })[0]).toContain(' --group shop.orders.shadow ');
});

test('kcg dev says how to hand over again what a group gave up, once it did', () => {
  expect(hint({ module: { path: 'a.mjs' } }, undefined)).toEqual([]);
  expect(hint({ module: { path: 'a.mjs' } }, { givenUp })).toEqual([
    'orders gave records up. Once the handler is mended, while kcg dev runs: kcg redrive -f group.yaml --from /tmp/given-up --kinesis-endpoint http://127.0.0.1:1',
  ]);
  expect(hint({ module: { path: 'a.mjs' } }, { givenUp }, 2)[0]).toContain(
    '-f group.yaml --group shop.orders ',
  );
  // Its functions ask their own worker, and nobody else can give them anything.
  expect(hint({ lambda: { container: 'app' } }, { givenUp })).toEqual([]);
});
