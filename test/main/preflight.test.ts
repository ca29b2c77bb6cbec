import { expect, test } from 'vitest';
import { parseGroup } from '../../src/api/group.ts';
import { KcgError } from '../../src/lib/errors.ts';
import type { GroupSource } from '../../src/main/groups/group-sources.ts';
import { checkStream } from '../../src/main/verbs/preflight-aws.ts';
import { inNamespace } from '../../src/main/verbs/preflight.ts';

function source(namespace: string | undefined, spec: object = {}): GroupSource {
  const parsed = parseGroup({
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisConsumerGroup',
    metadata: { name: 'orders', ...(namespace === undefined ? {} : { namespace }) },
    spec: { stream: { name: 'orders' }, handler: { log: {} }, ...spec },
  });
  if (parsed.outcome === 'refused') throw new Error(parsed.problems.join());
  return {
    title: 'as in the file',
    key: undefined,
    object: undefined,
    group: parsed.group,
    refused: [],
    place: {
      groupId: 'as in the file',
      table: 'as in the file',
      region: 'eu-west-1',
      stream: undefined,
      kinesis: undefined,
      dynamodb: undefined,
    },
    withoutKubernetes: undefined,
  };
}
const put = (given: GroupSource, namespace: string | undefined) => {
  const { title, place } = inNamespace(given, { namespace });
  return [title, place.groupId, place.table, place.region];
};

test('a group that names no namespace is looked at in the one it is to be put into', () => {
  expect(put(source(undefined), 'shop')).toEqual([
    'shop/orders',
    'shop.orders',
    'kinesis-checkpoints-shop-orders',
    'eu-west-1',
  ]);
  const named = { groupId: 'checkout', checkpoints: { table: { name: 'ours' } } };
  expect(put(source(undefined, named), 'shop').slice(0, 3)).toEqual(['shop/orders', 'checkout', 'ours']);
  expect(put(source('other'), 'shop')[0]).toBe('as in the file');
  expect(put(source(undefined), undefined)[0]).toBe('as in the file');
});

test('of a shadow, with the rows that are its own', () => {
  expect(put(source(undefined, { desiredState: 'Shadow' }), 'shop').slice(1, 3)).toEqual([
    'shop.orders.shadow',
    'kinesis-checkpoints-shop-orders',
  ]);
});

test('a shard that others are reading just now can be read all the same', async () => {
  let reads = 0;
  const client = {
    describe: async () => ({
      name: 'orders',
      arn: 'arn:aws:kinesis:eu-west-1:123456789012:stream/orders',
      status: 'ACTIVE' as const,
      createdAt: 0,
      retentionHours: 24,
      openShards: 1,
      mode: 'PROVISIONED' as const,
      keysPlaceRecords: true,
    }),
    listShards: async () => [
      { shardId: 'shardId-000000000000', hashStart: '0', hashEnd: '1', startingSequence: '1' },
    ],
    getIterator: async () => 'iterator',
    getRecords: async () => {
      reads += 1;
      if (reads === 1) throw new KcgError('Throttled', 'slow down');
      return { records: [], millisBehindLatest: 0, childShards: [] };
    },
  };
  const [, checks] = await checkStream(client, new AbortController().signal);
  expect(checks.map(({ result, what }) => `${what} ${result}`)).toEqual(['stream ok', 'read ok']);
});
