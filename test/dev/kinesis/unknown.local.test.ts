import {
  EnableEnhancedMonitoringCommand,
  PutResourcePolicyCommand,
  StartStreamEncryptionCommand,
  type KinesisClient,
} from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLocalKinesis, type LocalKinesis } from '../../../src/dev/kinesis/server.ts';
import { sdkClient } from '../sdk-client.ts';

const StreamARN = 'arn:aws:kinesis:us-east-1:000000000000:stream/orders';

let local: LocalKinesis;
let client: KinesisClient;
beforeAll(async () => {
  local = await startLocalKinesis();
  client = sdkClient(local.endpoint);
});
afterAll(async () => {
  client.destroy();
  await local.close();
});

describe('an operation that the local server does not have', () => {
  const monitoring = { StreamARN, ShardLevelMetrics: ['ALL' as const] };
  const encryption = { StreamARN, EncryptionType: 'KMS' as const, KeyId: 'alias/aws/kinesis' };
  const policy = { ResourceARN: StreamARN, Policy: '{}' };
  it.each<[string, () => Promise<unknown>]>([
    ['EnableEnhancedMonitoring', () => client.send(new EnableEnhancedMonitoringCommand(monitoring))],
    ['StartStreamEncryption', () => client.send(new StartStreamEncryptionCommand(encryption))],
    ['PutResourcePolicy', () => client.send(new PutResourcePolicyCommand(policy))],
  ])('is named in the answer: %s', async (operation, send) => {
    await expect(send()).rejects.toMatchObject({
      name: 'UnknownOperationException',
      message: expect.stringContaining(`No operation '${operation}' here. There are: `),
      $metadata: expect.objectContaining({ httpStatusCode: 400 }),
    });
  });

  it.each(['DynamoDB_20120810.ListTables', 'Kinesis_20131202.', 'toString'])(
    'is named as it was asked for: %s',
    async (target) => {
      const answer = await fetch(local.endpoint, { method: 'POST', headers: { 'x-amz-target': target } });
      expect(await answer.json()).toMatchObject({
        __type: 'UnknownOperationException',
        message: expect.stringContaining(`'${target}'`),
      });
    },
  );
});
