import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/lib/clock.ts';
import type { FailureDestination } from '../../../src/runtime/failure/failure-destination.ts';
import { openDestination, type DestinationConfig } from '../../../src/runtime/failure/open-destination.ts';
import { aGivenUpBatch } from './a-given-up-batch.ts';
import {
  batchUuid,
  invocationRecord,
  objectKey,
  recordWithPayload,
} from '../../../src/runtime/failure/invocation-record.ts';

interface Request {
  path: string;
  body: string;
}
interface Answer {
  status: number;
  headers?: Record<string, string>;
  body: string;
}

let server: Server;
let endpoint: string;
let requests: Request[];
/** Undefined: nothing is ever answered. */
let answer: Answer | ((body: string) => Answer) | undefined;
const opened: FailureDestination[] = [];

beforeEach(async () => {
  requests = [];
  server = createServer((request, response) => {
    void text(request).then((body) => {
      requests.push({ path: request.url ?? '', body });
      const given = typeof answer === 'function' ? answer(body) : answer;
      if (given) response.writeHead(given.status, given.headers).end(given.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  for (const destination of opened.splice(0)) await destination.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const QUEUE = 'arn:aws:sqs:eu-west-1:123456789012:failed';
const TOPIC = 'arn:aws:sns:eu-west-1:123456789012:failed';
const BUCKET = 'arn:aws:s3:::failed';
const configs: Record<'sqs' | 'sns' | 's3', DestinationConfig> = {
  sqs: { type: 'sqs', queueArn: QUEUE },
  sns: { type: 'sns', topicArn: TOPIC },
  s3: { type: 's3', bucketArn: BUCKET, prefix: 'kcg/' },
};

async function open(config: DestinationConfig, callTimeoutMs = 10_000): Promise<FailureDestination> {
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  const destination = await openDestination(
    { ...config, endpoint },
    { region: 'us-east-1', clock: systemClock, credentials, callTimeoutMs },
  );
  opened.push(destination);
  return destination;
}

const send = async (config: DestinationConfig, batch = aGivenUpBatch(), callTimeoutMs?: number) =>
  (await open(config, callTimeoutMs)).send(batch, { signal: new AbortController().signal });

const OK = {
  // The SDK compares what the queue has with what it sent.
  sqs: (body: string) => ({
    status: 200,
    headers: { 'content-type': 'application/x-amz-json-1.0' },
    body: JSON.stringify({
      MessageId: '1',
      MD5OfMessageBody: createHash('md5')
        .update(JSON.parse(body).MessageBody as string)
        .digest('hex'),
    }),
  }),
  sns: {
    status: 200,
    body: '<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>',
  },
  s3: { status: 200, body: '' },
};

describe('a batch that is given up', () => {
  it('goes to the queue by its ARN, with one call', async () => {
    answer = OK.sqs;
    await send(configs.sqs);
    const [request, ...more] = requests;
    expect(more).toEqual([]);
    const { QueueUrl, MessageBody, ...rest } = JSON.parse(request!.body);
    expect(QueueUrl).toBe(`${endpoint}/123456789012/failed`);
    expect(JSON.parse(MessageBody)).toEqual(invocationRecord(aGivenUpBatch()));
    expect(rest).toEqual({});
  });

  it('goes to a FIFO queue in the order of its group and shard, and once', async () => {
    answer = OK.sqs;
    await send({ type: 'sqs', queueArn: `${QUEUE}.fifo` });
    expect(JSON.parse(requests[0]!.body)).toMatchObject({
      MessageGroupId: 'shop.orders/shardId-000000000001',
      MessageDeduplicationId: batchUuid(aGivenUpBatch()),
    });
  });

  it('goes to the topic, with one call', async () => {
    answer = OK.sns;
    await send(configs.sns);
    expect(requests).toHaveLength(1);
    const form = new URLSearchParams(requests[0]!.body);
    expect(form.get('TopicArn')).toBe(TOPIC);
    expect(JSON.parse(form.get('Message')!)).toEqual(invocationRecord(aGivenUpBatch()));
    expect(form.get('MessageGroupId')).toBeNull();
  });

  it('goes to the bucket with its records, under the prefix', async () => {
    answer = OK.s3;
    // A name: an address has no names below it in any case.
    endpoint = endpoint.replace('127.0.0.1', 'localhost');
    await send(configs.s3);
    expect(requests).toHaveLength(1);
    expect(requests[0]!.path.split('?')[0]).toBe(`/failed/kcg/${objectKey(aGivenUpBatch())}`);
    expect(JSON.parse(requests[0]!.body)).toEqual(recordWithPayload(aGivenUpBatch()));
  });

  it('says where it goes', async () => {
    const names = await Promise.all(Object.values(configs).map(async (config) => (await open(config)).name));
    expect(names).toEqual([`SQS queue ${QUEUE}`, `SNS topic ${TOPIC}`, `S3 bucket ${BUCKET}`]);
  });
});

const json = (status: number, code: string, query: string): Answer => ({
  status,
  headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-query-error': `${query};Sender` },
  body: JSON.stringify({ __type: `com.amazonaws.sqs#${code}`, message: 'as told' }),
});
const xml = (status: number, code: string): Answer => ({
  status,
  body: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>as told</Message></Error></ErrorResponse>`,
});
const s3Xml = (status: number, code: string): Answer => ({
  status,
  body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>as told</Message></Error>`,
});

describe('a destination that does not take it', () => {
  it.each([
    ['sqs', 'throttled', json(403, 'RequestThrottled', 'RequestThrottled'), 'Throttled'],
    ['sqs', 'denied', json(403, 'AccessDeniedException', 'AccessDenied'), 'AccessDenied'],
    ['sqs', 'gone', json(400, 'QueueDoesNotExist', 'AWS.SimpleQueueService.NonExistentQueue'), 'NotFound'],
    ['sqs', 'ill', json(500, 'InternalFailure', 'InternalFailure'), 'Unavailable'],
    ['sns', 'throttled', xml(400, 'Throttled'), 'Throttled'],
    ['sns', 'throttled by AWS as a whole', xml(400, 'Throttling'), 'Throttled'],
    ['sns', 'denied', xml(403, 'AuthorizationError'), 'AccessDenied'],
    ['sns', 'gone', xml(404, 'NotFound'), 'NotFound'],
    ['sns', 'ill', xml(500, 'InternalError'), 'Unavailable'],
    ['s3', 'throttled', s3Xml(503, 'SlowDown'), 'Throttled'],
    ['s3', 'denied', s3Xml(403, 'AccessDenied'), 'AccessDenied'],
    ['s3', 'gone', s3Xml(404, 'NoSuchBucket'), 'NotFound'],
    ['s3', 'ill', s3Xml(500, 'InternalError'), 'Unavailable'],
  ] as const)('makes sending fail: %s %s', async (service, _, given, code) => {
    answer = given;
    const failing = expect(send(configs[service])).rejects;
    await failing.toMatchObject({ code, resource: expect.stringContaining(`arn:aws:${service}:`) });
    // The caller holds the shard and tries again, with its own delays.
    expect(requests).toHaveLength(1);
  });

  it.each(['sqs', 'sns', 's3'] as const)('fails in time when %s does not answer', async (service) => {
    answer = undefined;
    await expect(send(configs[service], aGivenUpBatch(), 100)).rejects.toMatchObject({
      code: 'Timeout',
      fix: expect.stringContaining('can be reached from the pod'),
    });
  });

  it.each(['sqs', 'sns', 's3'] as const)('fails when nobody listens for %s', async (service) => {
    await new Promise((resolve) => server.close(resolve));
    await expect(send(configs[service])).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringContaining('cannot be reached'),
    });
  });

  it.each(['sqs', 'sns', 's3'] as const)(
    'is no longer waited for when the lease of %s is lost',
    async (service) => {
      answer = undefined;
      const lost = new AbortController();
      const sending = (await open(configs[service])).send(aGivenUpBatch(), { signal: lost.signal });
      await expect.poll(() => requests.length).toBe(1);
      const reason = new Error('the lease is lost');
      lost.abort(reason);
      await expect(sending).rejects.toMatchObject({ message: 'the lease is lost' });
    },
  );
});
