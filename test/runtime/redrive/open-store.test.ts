import { describe, expect, it } from 'vitest';
import { storeOf } from '../../../src/runtime/redrive/open-store.ts';

const queueArn = 'arn:aws:sqs:eu-west-1:123456789012:failed';
const bucketArn = 'arn:aws:s3:::failed';
const group = { groupId: 'shop.orders', region: 'eu-west-1', onFailure: undefined };

describe('where to look for what was given up', () => {
  it.each([
    ['the ARN of a queue', queueArn, { type: 'sqs', queueArn }],
    [
      'the URL of a queue',
      'https://sqs.us-east-2.amazonaws.com/123456789012/failed',
      { type: 'sqs', queueArn: 'arn:aws:sqs:us-east-2:123456789012:failed' },
    ],
    [
      'the URL of a queue in China',
      'https://sqs.cn-north-1.amazonaws.com.cn/123456789012/failed',
      { type: 'sqs', queueArn: 'arn:aws-cn:sqs:cn-north-1:123456789012:failed' },
    ],
    [
      'the URL of a queue of an emulator',
      'http://localhost:4566/123456789012/failed',
      { type: 'sqs', queueArn, endpoint: 'http://localhost:4566' },
    ],
    ['a bucket', 's3://failed', { type: 's3', bucketArn, prefix: '' }],
    ['a bucket and a prefix', 's3://failed/a/b', { type: 's3', bucketArn, prefix: 'a/b' }],
    ['a folder', './given-up', { type: 'folder', folder: './given-up' }],
  ])('is %s', (_, from, config) => {
    expect(storeOf(from, group)).toEqual(config);
  });

  it("is the group's own place when nothing is named", () => {
    const endpoint = 'http://localhost:1';
    expect(storeOf(undefined, { ...group, onFailure: { type: 'sqs', queueArn, endpoint } })).toEqual({
      type: 'sqs',
      queueArn,
      endpoint,
    });
    expect(
      storeOf(undefined, { ...group, onFailure: { type: 's3', bucketArn, prefix: 'a/' } }),
    ).toMatchObject({
      bucketArn,
      prefix: 'a/aws/lambda/shop.orders/',
    });
  });

  it.each([
    ['no place of its own', undefined, undefined, 'group shop.orders has no handler.onFailure'],
    [
      'a topic',
      undefined,
      { type: 'sns', topicArn: 'arn:aws:sns:eu-west-1:123456789012:failed' } as const,
      'keeps nothing that could be read',
    ],
    ['a URL of no queue', 'https://example.com/failed', undefined, 'is not the URL of a queue'],
    ['no bucket', 's3:///a', undefined, 'names no bucket'],
  ])('has to be named: %s', (_, from, onFailure, message) => {
    expect(() => storeOf(from, { ...group, onFailure })).toThrow(message);
  });
});
