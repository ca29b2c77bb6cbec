import { describe, expect, test } from 'vitest';
import { parseGroup } from '../../../../src/api/group.ts';
import { decodeWorkerConfig, encodeWorkerConfig } from '../../../../src/api/worker-config.ts';
import { workerConfigOf } from '../../../../src/operator/plan/workload/worker-config-of.ts';
import { groupOf } from '../../../api/spec-table.ts';

const TARGET = {
  groupId: 'shop.orders',
  region: 'eu-west-1',
  stream: { name: 'orders' },
  table: 'checkpoints',
  endpoints: {},
};

function configWith(handler: Record<string, unknown>, endpoints: Record<string, string> = {}) {
  const parsed = parseGroup(groupOf({ change: { handler: { log: {}, ...handler } } }));
  if (parsed.outcome !== 'ok') throw new Error(parsed.problems.join());
  const target = { ...TARGET, endpoints };
  return decodeWorkerConfig(encodeWorkerConfig(workerConfigOf(parsed.group, target)));
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

test('a function gets no more events at once than its own setting of the concurrency says', () => {
  const handlerOf = (env: { name: string; value: string }[]) => {
    const template = { spec: { containers: [{ name: 'app', image: 'fn:1', env }] } };
    const parsed = parseGroup(groupOf({ change: { handler: { lambda: {} }, template } }));
    if (parsed.outcome !== 'ok') throw new Error(parsed.problems.join());
    return workerConfigOf(parsed.group, TARGET).handler;
  };
  const plain = { type: 'lambda', port: 9001, functionName: 'orders' };
  expect(handlerOf([])).toEqual(plain);
  const of = (value: string) => handlerOf([{ name: 'AWS_LAMBDA_MAX_CONCURRENCY', value }]);
  expect(of('4')).toEqual({ ...plain, maxConcurrency: 4 });
  expect(of('many')).toEqual(plain);
});

describe('where given-up batches go', () => {
  const queueArn = 'arn:aws:sqs:eu-west-1:123456789012:failed';
  const topicArn = 'arn:aws:sns:eu-west-1:123456789012:failed';
  const bucketArn = 'arn:aws:s3:::failed';
  const endpoints = { sqs: 'http://localhost:1', sns: 'http://localhost:2', s3: 'http://localhost:3' };

  test.each([
    [{ sqs: { queueArn } }, { type: 'sqs', queueArn }, endpoints.sqs],
    [{ sns: { topicArn } }, { type: 'sns', topicArn }, endpoints.sns],
    [{ s3: { bucketArn } }, { type: 's3', bucketArn }, endpoints.s3],
    [{ s3: { bucketArn, prefix: 'a/' } }, { type: 's3', bucketArn, prefix: 'a/' }, endpoints.s3],
  ])('is what the group says, with the endpoint of that service: %j', (onFailure, config, endpoint) => {
    expect(configWith({ onFailure }).onFailure).toEqual(config);
    expect(configWith({ onFailure }, endpoints).onFailure).toEqual({ ...config, endpoint });
  });

  test('is not mentioned where there is no place: pods of such groups stay as they are', () => {
    expect(configWith({}, endpoints)).not.toHaveProperty('onFailure');
  });
});
