import { readFileSync } from 'node:fs';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import { CreateQueueCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock as clock } from '../../../src/lib/clock.ts';
import { openDestination, type DestinationConfig } from '../../../src/runtime/failure/open-destination.ts';
import { openStore, type StoreConfig } from '../../../src/runtime/redrive/open-store.ts';
import { startMoto, type Emulator } from '../../support/moto.ts';
import { aGivenUpBatch } from './a-given-up-batch.ts';

/* The policies of docs/install.md for destinations and for kcg redrive, as moto's server holds them against each call. */

interface Policy {
  Version: string;
  Statement: { Action: string[]; Resource: string | string[] }[];
}
interface Keys {
  accessKeyId: string;
  secretAccessKey: string;
}

const page = readFileSync('docs/install.md', 'utf8');
const policies = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, json = '']) => JSON.parse(json) as Policy);
const policyWith = (action: string) =>
  policies.find(({ Statement }) => Statement.some(({ Action }) => Action.includes(action)))!;

const region = 'eu-west-1';
const root: Keys = { accessKeyId: 'a', secretAccessKey: 'b' };
const { signal } = new AbortController();
const QUEUE = 'arn:aws:sqs:eu-west-1:123456789012:failed';
const TOPIC = 'arn:aws:sns:eu-west-1:123456789012:failed';
const BUCKET = 'arn:aws:s3:::failed';

let moto: Emulator;
beforeAll(async () => {
  moto = await startMoto();
});
afterAll(() => moto?.program.stop());
beforeEach(async () => {
  await checking(false);
  await fill();
});

/** An account with a queue, a topic and a bucket, and no users. */
async function fill(): Promise<void> {
  await fetch(`${moto.endpoint}/moto-api/reset`, { method: 'POST' });
  const at = { endpoint: moto.endpoint, region, credentials: root };
  const [sqs, sns, s3] = [
    new SQSClient(at),
    new SNSClient(at),
    new S3Client({ ...at, forcePathStyle: true }),
  ];
  // What was received stays hidden for longer than a test takes, where nobody shows it again.
  const Attributes = { VisibilityTimeout: '3600' };
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'failed', Attributes }));
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: '{}' }));
  await sns.send(new CreateTopicCommand({ Name: 'failed' }));
  const CreateBucketConfiguration = { LocationConstraint: region } as const;
  await s3.send(new CreateBucketCommand({ Bucket: 'failed', CreateBucketConfiguration }));
  await s3.send(new PutObjectCommand({ Bucket: 'failed', Key: 'a', Body: '{}' }));
  for (const client of [sqs, sns, s3]) client.destroy();
}

/** Whether moto holds calls against policies. */
async function checking(isOn: boolean): Promise<void> {
  await fetch(`${moto.endpoint}/moto-api/reset-auth`, { method: 'POST', body: isOn ? '0' : 'inf' });
}

/** Keys of a user who may do what `policy` says, and nothing else. Of topics moto only knows the actions. */
async function userWith({ Version, Statement }: Policy): Promise<Keys> {
  const policy = {
    Version,
    Statement: Statement.map((each) =>
      each.Action.includes('sns:Publish') ? { ...each, Resource: '*' } : each,
    ),
  };
  const authorization =
    'AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0';
  const iam = async (Action: string, more: Record<string, string> = {}) => {
    const body = new URLSearchParams({ Action, UserName: 'worker', Version: '2010-05-08', ...more });
    const answer = await fetch(moto.endpoint, { method: 'POST', headers: { authorization }, body });
    expect(answer.ok).toBe(true);
    return answer.text();
  };
  await iam('CreateUser');
  await iam('PutUserPolicy', { PolicyName: 'all', PolicyDocument: JSON.stringify(policy) });
  const answer = await iam('CreateAccessKey');
  const valueOf = (name: string) => new RegExp(`<${name}>(.*?)</${name}>`).exec(answer)?.[1] ?? '';
  return { accessKeyId: valueOf('AccessKeyId'), secretAccessKey: valueOf('SecretAccessKey') };
}

function without(policy: Policy, action: string): Policy {
  const Statement = policy.Statement.map((statement) => ({
    ...statement,
    Action: statement.Action.filter((each) => each !== action),
  }));
  return { ...policy, Statement: Statement.filter(({ Action }) => Action.length > 0) };
}

async function giveUp(config: DestinationConfig, credentials: Keys): Promise<void> {
  const place = { region, clock, credentials };
  const destination = await openDestination({ ...config, endpoint: moto.endpoint }, place);
  try {
    await destination.send(aGivenUpBatch(), { signal });
  } finally {
    await destination.close();
  }
}

/** Reads what is there, and removes it when `removes`. Returns how many there were. */
async function redrive(config: StoreConfig, credentials: Keys, removes = true): Promise<number> {
  const place = { region, clock, credentials };
  const store = await openStore({ ...config, endpoint: moto.endpoint } as StoreConfig, place);
  let count = 0;
  try {
    for await (const stored of store.list(signal)) {
      count += 1;
      if (removes) await stored.remove();
    }
  } finally {
    await store.close();
  }
  return count;
}

describe('the rights that docs/install.md names', () => {
  it.each<[string, DestinationConfig]>([
    ['sqs:SendMessage', { type: 'sqs', queueArn: QUEUE }],
    ['sns:Publish', { type: 'sns', topicArn: TOPIC }],
    ['s3:PutObject', { type: 's3', bucketArn: BUCKET }],
  ])('let workers give up, and without %s they cannot', async (action, config) => {
    const policy = policyWith(action);
    const may = await userWith(policy);
    await checking(true);
    await giveUp(config, may);
    await checking(false);
    await fill();
    const mayNot = await userWith(without(policy, action));
    await checking(true);
    await expect(giveUp(config, mayNot)).rejects.toMatchObject({
      code: 'AccessDenied',
      fix: expect.stringContaining(`Allow ${action} on `),
    });
  });

  const queue: StoreConfig = { type: 'sqs', queueArn: QUEUE };
  const bucket: StoreConfig = { type: 's3', bucketArn: BUCKET, prefix: '' };
  const policy = policyWith('sqs:DeleteMessage');

  it.each<[string, StoreConfig]>([
    ['sqs:ReceiveMessage', queue],
    ['sqs:DeleteMessage', queue],
    ['s3:ListBucket', bucket],
    ['s3:GetObject', bucket],
    ['s3:DeleteObject', bucket],
  ])('let kcg redrive read and remove, and without %s it cannot', async (action, config) => {
    const mayNot = await userWith(without(policy, action));
    await checking(true);
    await expect(redrive(config, mayNot)).rejects.toMatchObject({
      code: 'AccessDenied',
      fix: expect.stringContaining(`Allow ${action} on `),
    });
    await checking(false);
    await fill();
    const may = await userWith(policy);
    await checking(true);
    expect(await redrive(config, may)).toBe(1);
    expect(await redrive(config, may)).toBe(0);
  });

  it.each([true, false])(
    'show a message again that stays, with sqs:ChangeMessageVisibility: %s',
    async (isIn) => {
      const user = await userWith(isIn ? policy : without(policy, 'sqs:ChangeMessageVisibility'));
      await checking(true);
      expect(await redrive(queue, user, false)).toBe(1);
      await checking(false);
      expect(await redrive(queue, root, false)).toBe(isIn ? 1 : 0);
    },
  );
});
