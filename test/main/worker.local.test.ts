import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { encodeWorkerConfig, WORKER_CONFIG_ENV } from '../../src/api/worker-config.ts';
import { startLocalDynamoDb, type LocalDynamoDb } from '../../src/dev/dynamodb/server.ts';
import { startLocalKinesis } from '../../src/dev/kinesis/server.ts';
import { createDynamoDbClient } from '../../src/aws/dynamodb-client.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { runWorkerCommand } from '../../src/main/worker.ts';

const region = 'eu-west-1';
let dynamodb: LocalDynamoDb;
let kinesis: Awaited<ReturnType<typeof startLocalKinesis>>;

beforeAll(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  dynamodb = await startLocalDynamoDb({ clock, log: silentLog });
  kinesis = await startLocalKinesis({ clock });
  kinesis.kinesis.createStream({ name: 'orders', shardCount: 1 });
  const client = createDynamoDbClient({ region, endpoint: dynamodb.endpoint });
  await client.send(
    new CreateTableCommand({
      TableName: 'checkpoints',
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [
        { AttributeName: 'group_id', KeyType: 'HASH' },
        { AttributeName: 'shard_id', KeyType: 'RANGE' },
      ],
      AttributeDefinitions: ['group_id', 'shard_id'].map((AttributeName) => ({
        AttributeName,
        AttributeType: 'S',
      })),
    }),
  );
  client.destroy();
});
afterEach(() => dynamodb.fail());
afterAll(async () => {
  await kinesis.close();
  await dynamodb.close();
  vi.unstubAllEnvs();
});

function run(stop: AbortSignal): Promise<number> {
  const config = encodeWorkerConfig({
    groupId: 'shop.orders',
    stream: { name: 'orders' },
    region,
    endpoints: { kinesis: kinesis.endpoint, dynamodb: dynamodb.endpoint },
    table: 'checkpoints',
    initialPosition: { type: 'TrimHorizon' },
    maxRecords: 100,
    pollIntervalMs: 1_000,
    checkpointIntervalMs: 5_000,
    leaseDurationMs: 6_000,
    handoffTimeoutMs: 30_000,
    maxLeases: 0,
    handler: { type: 'log' },
    batchSize: 10,
    batchWindowMs: 0,
  });
  const argv = ['--port=0', '--host=127.0.0.1', '--log-level=silent'];
  return runWorkerCommand(argv, { [WORKER_CONFIG_ENV]: config }, stop);
}

describe('a worker that starts', () => {
  it('tries again when its credentials are not accepted yet', async () => {
    let refused = 0;
    dynamodb.fail(() =>
      (refused += 1) > 2 ? undefined : { do: 'fail', type: 'UnrecognizedClientException', message: 'no' },
    );
    const stop = new AbortController();
    const running = run(stop.signal);
    await Promise.race([
      running,
      vi.waitFor(() => expect(dynamodb.counts.get('PutItem')).toBeGreaterThan(0), 20_000),
    ]);
    stop.abort();
    expect(await running).toBe(0);
    expect(refused).toBeGreaterThan(2);
  });

  it('ends at once when it may not use its table', async () => {
    dynamodb.fail(() => ({ do: 'fail', type: 'AccessDeniedException', message: 'no' }));
    await expect(run(new AbortController().signal)).rejects.toMatchObject({ code: 'AccessDenied' });
  });
});
