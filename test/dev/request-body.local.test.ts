import { BatchWriteItemCommand } from '@aws-sdk/client-dynamodb';
import { ListStreamsCommand, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { decodeCbor } from '../../src/dev/kinesis/cbor.ts';
import { startLocalDynamoDb } from '../../src/dev/dynamodb/server.ts';
import { startLocalKinesis } from '../../src/dev/kinesis/server.ts';
import { createDynamoDbClient } from '../../src/aws/dynamodb-client.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { sdkClient } from './sdk-client.ts';

const MIB = 1024 * 1024;
const TOO_LARGE = {
  name: 'RequestEntityTooLargeException',
  message: expect.stringContaining('more than 16777216 bytes'),
  $metadata: expect.objectContaining({ httpStatusCode: 413 }),
};

afterEach(() => vi.unstubAllEnvs());

describe('a request that is too large', () => {
  it('is answered by the local Kinesis, which goes on', async () => {
    const { endpoint, close } = await startLocalKinesis();
    const client = sdkClient(endpoint);
    const Records = Array.from({ length: 40 }, () => ({ PartitionKey: 'k', Data: new Uint8Array(MIB) }));
    await expect(client.send(new PutRecordsCommand({ StreamName: 'orders', Records }))).rejects.toMatchObject(
      TOO_LARGE,
    );
    await expect(client.send(new ListStreamsCommand({}))).resolves.toBeDefined();
    client.destroy();
    await close();
  });

  it('is answered in CBOR when it comes so', async () => {
    const { endpoint, close } = await startLocalKinesis();
    const headers = {
      'content-type': 'application/x-amz-cbor-1.1',
      'x-amz-target': 'Kinesis_20131202.PutRecords',
    };
    const response = await fetch(endpoint, { method: 'POST', headers, body: new Uint8Array(17 * MIB) });
    const body = decodeCbor(new Uint8Array(await response.arrayBuffer()));
    expect([response.status, body]).toMatchObject([413, { __type: 'RequestEntityTooLargeException' }]);
    await close();
  });

  it('is answered by the local DynamoDB', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
    const server = await startLocalDynamoDb({ clock: systemClock, log: silentLog });
    const client = createDynamoDbClient({ region: 'eu-west-1', endpoint: server.endpoint });
    const Item = { id: { S: 'x'.repeat(MIB) } };
    const requests = Array.from({ length: 20 }, () => ({ PutRequest: { Item } }));
    await expect(
      client.send(new BatchWriteItemCommand({ RequestItems: { items: requests } })),
    ).rejects.toMatchObject(TOO_LARGE);
    client.destroy();
    await server.close();
  });
});
