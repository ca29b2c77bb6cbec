import { expect, test } from 'vitest';
import { Harness } from './reconcile-harness.ts';

const queueArn = 'arn:aws:sqs:eu-west-1:123456789012:failed';

test.each([
  ['of the operator where the group names none', {}, 'http://sqs-of-all'],
  ['of the group where it names one', { endpoints: { sqs: 'http://sqs-of-one' } }, 'http://sqs-of-one'],
])('workers send what is given up to the endpoint %s', async (_, spec, endpoint) => {
  const h = new Harness({ sqsEndpoint: 'http://sqs-of-all', s3Endpoint: 'http://s3-of-all' });
  try {
    h.kinesis.createStream({ name: 'orders', shardCount: 1 });
    const handler = { log: {}, onFailure: { sqs: { queueArn } } };
    h.create({ ...spec, handler });
    await h.converge();
    expect((await h.workerConfig())?.onFailure).toEqual({ type: 'sqs', queueArn, endpoint });
  } finally {
    h.close();
  }
});

test.each(['http://collector:4318', undefined])(
  'workers are told the collector %s of the operator',
  async (workerOtlpEndpoint) => {
    const h = new Harness({ workerOtlpEndpoint });
    try {
      h.kinesis.createStream({ name: 'orders', shardCount: 1 });
      h.create({ handler: { log: {} } });
      await h.converge();
      expect((await h.workerConfig())?.otlpEndpoint).toBe(workerOtlpEndpoint);
    } finally {
      h.close();
    }
  },
);
