import { expect, test } from 'vitest';
import { parseGroup } from '../../../src/api/group.ts';
import { decodeWorkerConfig, encodeWorkerConfig } from '../../../src/api/worker-config.ts';
import { workerConfigOf } from '../../../src/operator/plan/worker-config-of.ts';
import { groupOf } from '../../api/spec-table.ts';

const TARGET = {
  groupId: 'shop.orders',
  region: 'eu-west-1',
  stream: { name: 'orders' },
  table: 'checkpoints',
  endpoints: {},
};

function configWith(handler: Record<string, unknown>) {
  const parsed = parseGroup(groupOf({ change: { handler: { log: {}, ...handler } } }));
  if (parsed.outcome !== 'ok') throw new Error(parsed.problems.join());
  return decodeWorkerConfig(encodeWorkerConfig(workerConfigOf(parsed.group, TARGET)));
}

test('filters reach the workers as JSON texts, whichever way they are written', () => {
  const text = '{"data": {"id": [12345678901234567]}}';
  const { filters } = configWith({
    filters: [{ pattern: text }, { pattern: { partitionKey: [{ prefix: 'vip-' }] } }],
  });
  expect(filters).toEqual([text, '{"partitionKey":[{"prefix":"vip-"}]}']);
});

test('a group without filters has the worker configuration that it had before there were any', () => {
  expect(configWith({})).not.toHaveProperty('filters');
});
