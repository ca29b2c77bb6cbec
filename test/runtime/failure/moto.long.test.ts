import { createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { CreateTopicCommand, DeleteTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/lib/clock.ts';
import type { FailureDestination } from '../../../src/runtime/failure/failure-destination.ts';
import {
  invocationRecord,
  objectKey,
  recordWithPayload,
} from '../../../src/runtime/failure/invocation-record.ts';
import { openDestination, type DestinationConfig } from '../../../src/runtime/failure/open-destination.ts';
import { startMoto, type Emulator } from '../../support/moto.ts';
import { aGivenUpBatch } from './a-given-up-batch.ts';

const region = 'eu-west-1';
const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
const QUEUE = 'arn:aws:sqs:eu-west-1:123456789012:failed';
const TOPIC = 'arn:aws:sns:eu-west-1:123456789012:failed';
const BUCKET = 'arn:aws:s3:::failed';
const configs: [string, DestinationConfig][] = [
  ['SQS', { type: 'sqs', queueArn: QUEUE }],
  ['SNS', { type: 'sns', topicArn: TOPIC }],
  ['S3', { type: 's3', bucketArn: BUCKET }],
];
const { signal } = new AbortController();

let moto: Emulator;
let clients: { sqs: SQSClient; sns: SNSClient; s3: S3Client };
const opened: FailureDestination[] = [];

beforeAll(async () => {
  moto = await startMoto();
  const at = { endpoint: moto.endpoint, region, credentials };
  clients = {
    sqs: new SQSClient(at),
    sns: new SNSClient(at),
    s3: new S3Client({ ...at, forcePathStyle: true }),
  };
});
beforeEach(async () => {
  await fetch(`${moto.endpoint}/moto-api/reset`, { method: 'POST' });
});
afterAll(async () => {
  for (const destination of opened) await destination.close();
  for (const client of Object.values(clients ?? {})) client.destroy();
  await moto?.program.stop();
});

async function open(
  config: DestinationConfig,
  { endpoint = moto.endpoint, keys = credentials } = {},
): Promise<FailureDestination> {
  const place = { region: 'us-east-1', clock: systemClock, credentials: keys };
  const destination = await openDestination({ ...config, endpoint }, place);
  opened.push(destination);
  return destination;
}

async function createAll(): Promise<{ queueUrl: string; copyUrl: string }> {
  const queue = await clients.sqs.send(new CreateQueueCommand({ QueueName: 'failed' }));
  const copy = await clients.sqs.send(new CreateQueueCommand({ QueueName: 'copy' }));
  await clients.sns.send(new CreateTopicCommand({ Name: 'failed' }));
  await clients.sns.send(
    new SubscribeCommand({ TopicArn: TOPIC, Protocol: 'sqs', Endpoint: QUEUE.replace(/failed$/, 'copy') }),
  );
  const LocationConstraint = region;
  await clients.s3.send(
    new CreateBucketCommand({ Bucket: 'failed', CreateBucketConfiguration: { LocationConstraint } }),
  );
  return { queueUrl: queue.QueueUrl!, copyUrl: copy.QueueUrl! };
}

async function deleteAll(): Promise<void> {
  const { QueueUrl } = await clients.sqs.send(new CreateQueueCommand({ QueueName: 'failed' }));
  await clients.sqs.send(new DeleteQueueCommand({ QueueUrl }));
  await clients.sns.send(new DeleteTopicCommand({ TopicArn: TOPIC }));
  await clients.s3.send(new DeleteBucketCommand({ Bucket: 'failed' }));
}

async function received(QueueUrl: string): Promise<unknown> {
  const { Messages } = await clients.sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 1 }));
  return JSON.parse(Messages?.[0]?.Body ?? 'null');
}

/** Keys of a new IAM user. */
async function userWithoutRights(): Promise<typeof credentials> {
  const authorization =
    'AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0';
  const iam = async (Action: string) => {
    const body = new URLSearchParams({ Action, UserName: 'nobody', Version: '2010-05-08' });
    return (await fetch(moto.endpoint, { method: 'POST', headers: { authorization }, body })).text();
  };
  await iam('CreateUser');
  const answer = await iam('CreateAccessKey');
  const valueOf = (name: string) => new RegExp(`<${name}>(.*?)</${name}>`).exec(answer)?.[1] ?? '';
  return { accessKeyId: valueOf('AccessKeyId'), secretAccessKey: valueOf('SecretAccessKey') };
}

/** What the service answers when it is too much, the first time, before moto. */
async function throttledOnce(answer: { status: number; body: string; header?: string }) {
  let throttled = 0;
  const server = createServer((incoming: IncomingMessage, outgoing: ServerResponse) => {
    if (throttled === 0) {
      throttled += 1;
      incoming.resume();
      const type = {
        'content-type': 'application/x-amz-json-1.0',
        'x-amzn-query-error': answer.header ?? '',
      };
      outgoing.writeHead(answer.status, type).end(answer.body);
      return;
    }
    const { method, url, headers } = incoming;
    const passed = forward(`${moto.endpoint}${url}`, { method, headers }, (answered) => {
      outgoing.writeHead(answered.statusCode ?? 500, answered.headers);
      answered.pipe(outgoing);
    });
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => server.close(),
  };
}

describe("a batch that is given up, to moto's server", () => {
  it('fails while nothing is there, is taken once it is, and fails when it is gone again', async () => {
    const destinations = await Promise.all(configs.map(([, config]) => open(config)));
    const sendAll = () =>
      Promise.allSettled(destinations.map((destination) => destination.send(aGivenUpBatch(), { signal })));
    const gone = {
      status: 'rejected',
      reason: { code: 'NotFound', fix: expect.stringContaining('Create the ') },
    };
    expect(await sendAll()).toMatchObject([gone, gone, gone]);
    const { queueUrl, copyUrl } = await createAll();
    const sent = await sendAll();
    expect(sent.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
    expect(await received(queueUrl)).toEqual(invocationRecord(aGivenUpBatch()));
    const { Message } = (await received(copyUrl)) as { Message: string };
    expect(JSON.parse(Message)).toEqual(invocationRecord(aGivenUpBatch()));
    const Key = objectKey(aGivenUpBatch());
    const { Body } = await clients.s3.send(new GetObjectCommand({ Bucket: 'failed', Key }));
    expect(JSON.parse(await Body!.transformToString())).toEqual(recordWithPayload(aGivenUpBatch()));
    await clients.s3.send(new DeleteObjectCommand({ Bucket: 'failed', Key }));
    await deleteAll();
    expect(await sendAll()).toMatchObject([gone, gone, gone]);
  });

  it.each([
    [
      configs[0]!,
      {
        status: 403,
        header: 'RequestThrottled;Sender',
        body: '{"__type":"com.amazonaws.sqs#RequestThrottled","message":"slow"}',
      },
    ],
    [
      configs[1]!,
      { status: 400, body: '<ErrorResponse><Error><Code>Throttled</Code></Error></ErrorResponse>' },
    ],
    [configs[2]!, { status: 503, body: '<Error><Code>SlowDown</Code><Message>slow</Message></Error>' }],
  ])('fails when it is throttled, and is taken when it is sent again: %j', async ([, config], answer) => {
    await createAll();
    const proxy = await throttledOnce(answer);
    const destination = await open(config, { endpoint: proxy.endpoint });
    try {
      await expect(destination.send(aGivenUpBatch(), { signal })).rejects.toMatchObject({
        code: 'Throttled',
      });
      await destination.send(aGivenUpBatch(), { signal });
    } finally {
      proxy.close();
    }
  });

  it.each(configs)('fails when its sender has no right to it: %s', async (_, config) => {
    await createAll();
    const keys = await userWithoutRights();
    await fetch(`${moto.endpoint}/moto-api/reset-auth`, { method: 'POST', body: '0' });
    try {
      const destination = await open(config, { keys });
      await expect(destination.send(aGivenUpBatch(), { signal })).rejects.toMatchObject({
        code: 'AccessDenied',
        resource: expect.stringContaining(':failed'),
        fix: expect.stringMatching(
          /^Allow (sqs:SendMessage|sns:Publish|s3:PutObject) .*for the worker's role/,
        ),
      });
    } finally {
      await fetch(`${moto.endpoint}/moto-api/reset-auth`, { method: 'POST', body: 'inf' });
    }
  });
});
