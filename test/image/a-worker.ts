import { expect } from 'vitest';
import { encodeWorkerConfig, WORKER_CONFIG_ENV } from '../../src/api/worker-config.ts';
import { createDynamoDbClient } from '../../src/aws/dynamodb-client.ts';
import { startLocalDynamoDb } from '../../src/dev/dynamodb/server.ts';
import { startLocalKinesis } from '../../src/dev/kinesis/server.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog as log } from '../../src/lib/log.ts';
import { createStream, createTable } from '../support/local-table.ts';
import { startProgram } from '../support/peer-programs.ts';

const region = 'eu-west-1';
const credentials = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };

/** Runs `command worker` until it has read a record and ended as told. */
export async function readsARecord(command: readonly string[]): Promise<void> {
  const kinesis = await startLocalKinesis({ clock, log });
  const dynamodb = await startLocalDynamoDb({ clock, log });
  Object.assign(process.env, credentials);
  const client = createDynamoDbClient({ region, endpoint: dynamodb.endpoint });
  try {
    await createTable(client, 'checkpoints', ['group_id', 'shard_id']);
    await createStream(kinesis.kinesis, 'orders', 1);
    kinesis.kinesis.putRecord('orders', { partitionKey: 'a', data: Buffer.from('hello') });
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
      // Of a processor that is played by another.
      leaseDurationMs: 60_000,
      handoffTimeoutMs: 30_000,
      maxLeases: 0,
      handler: { type: 'log' },
      batchSize: 10,
      batchWindowMs: 0,
      parallelizationFactor: 1,
      handlerTimeoutMs: 900_000,
      retry: { maxAttempts: -1, maxRecordAgeMs: -1, bisectOnError: false },
    });
    const worker = startProgram([...command, 'worker', '--port=0', '--host=127.0.0.1'], {
      env: { ...credentials, [WORKER_CONFIG_ENV]: config },
    });
    await worker.says(/"records":1,"bytes":5/);
    await worker.stop();
    expect(worker.child.exitCode, worker.text()).toBe(0);
  } finally {
    client.destroy();
    await Promise.all([kinesis.close(), dynamodb.close()]);
  }
}
