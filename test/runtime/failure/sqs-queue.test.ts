import { expect, it } from 'vitest';
import { systemClock } from '../../../src/lib/clock.ts';
import { queueUrl, sqsClient } from '../../../src/runtime/failure/sqs/queue.ts';

it.each([
  [
    'arn:aws:sqs:eu-west-1:123456789012:failed',
    undefined,
    'https://sqs.eu-west-1.amazonaws.com/123456789012/failed',
  ],
  [
    'arn:aws-cn:sqs:cn-north-1:123456789012:failed.fifo',
    undefined,
    'https://sqs.cn-north-1.amazonaws.com.cn/123456789012/failed.fifo',
  ],
  [
    'arn:aws:sqs:eu-west-1:123456789012:failed',
    'http://localhost:4566',
    'http://localhost:4566/123456789012/failed',
  ],
])('the URL of %s at %s is %s', async (arn, endpoint, url) => {
  const keys = { accessKeyId: 'a', secretAccessKey: 'b' };
  const region = arn.split(':')[3]!;
  const client = sqsClient({ region: 'us-east-1', endpoint, credentials: keys, clock: systemClock }, region);
  expect(await queueUrl(client, arn)).toBe(url);
  client.destroy();
});
