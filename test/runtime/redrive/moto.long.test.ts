import { CreateBucketCommand, DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../../src/lib/clock.ts';
import { openStore, type StoreConfig } from '../../../src/runtime/redrive/open-store.ts';
import { startMoto, type Emulator } from '../../support/moto.ts';

const region = 'eu-west-1';
const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
const queue: StoreConfig = { type: 'sqs', queueArn: 'arn:aws:sqs:eu-west-1:123456789012:failed' };
const bucket: StoreConfig = { type: 's3', bucketArn: 'arn:aws:s3:::failed', prefix: 'a/' };
const { signal } = new AbortController();
const TEXTS = Array.from({ length: 12 }, (_, i) => `{"n":${i}}`);

let moto: Emulator;
let sqs: SQSClient;
let s3: S3Client;
beforeAll(async () => {
  moto = await startMoto();
  const at = { endpoint: moto.endpoint, region, credentials };
  sqs = new SQSClient(at);
  s3 = new S3Client({ ...at, forcePathStyle: true });
});
afterAll(async () => {
  sqs?.destroy();
  s3?.destroy();
  await moto?.program.stop();
});

/** What is there, of which those are removed that `isDone`. */
async function readAll(config: StoreConfig, isDone: (text: string) => boolean): Promise<string[]> {
  const place = { region, clock: systemClock, credentials };
  const store = await openStore({ ...config, endpoint: moto.endpoint } as StoreConfig, place);
  const seen: string[] = [];
  try {
    for await (const stored of store.list(signal)) {
      seen.push(stored.text);
      if (isDone(stored.text)) await stored.remove();
    }
  } finally {
    await store.close();
  }
  return seen.sort();
}

it.each<[string, StoreConfig, () => Promise<void>]>([
  [
    'a queue',
    queue,
    async () => {
      // Long: what comes again was shown again.
      const Attributes = { VisibilityTimeout: '3600' };
      const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'failed', Attributes }));
      for (const MessageBody of TEXTS) await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
    },
  ],
  [
    'a bucket',
    bucket,
    async () => {
      const LocationConstraint = region;
      await s3.send(
        new CreateBucketCommand({ Bucket: 'failed', CreateBucketConfiguration: { LocationConstraint } }),
      );
      for (const [i, Body] of TEXTS.entries())
        await s3.send(new PutObjectCommand({ Bucket: 'failed', Key: `a/${i}`, Body }));
      await s3.send(new PutObjectCommand({ Bucket: 'failed', Key: 'b/0', Body: 'other' }));
    },
  ],
])('each batch of %s comes once, and what was not removed is there again', async (_, config, fill) => {
  await expect(readAll(config, () => true)).rejects.toMatchObject({
    code: 'NotFound',
    resource: expect.stringContaining(':failed'),
    fix: expect.stringContaining('--from'),
  });
  await fill();
  const left = TEXTS.slice(0, 11).sort();
  expect(await readAll(config, (text) => !left.includes(text))).toEqual(TEXTS.toSorted());
  expect(await readAll(config, () => false)).toEqual(left);
  expect(await readAll(config, () => true)).toEqual(left);
  expect(await readAll(config, () => true)).toEqual([]);
});

it('an object that somebody else removes meanwhile is passed over', async () => {
  const Bucket = 'shared';
  const CreateBucketConfiguration = { LocationConstraint: region } as const;
  await s3.send(new CreateBucketCommand({ Bucket, CreateBucketConfiguration }));
  for (const Key of ['a', 'b', 'c']) await s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
  const config: StoreConfig = { type: 's3', bucketArn: 'arn:aws:s3:::shared', prefix: '' };
  const store = await openStore(
    { ...config, endpoint: moto.endpoint },
    { region, clock: systemClock, credentials },
  );
  const seen: string[] = [];
  for await (const { text } of store.list(signal)) {
    seen.push(text);
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'b' }));
  }
  await store.close();
  expect(seen).toEqual(['a', 'c']);
});
