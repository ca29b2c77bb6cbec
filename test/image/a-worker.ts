import { expect } from 'vitest';
import { encodeWorkerConfig, WORKER_CONFIG_ENV } from '../../src/api/worker-config.ts';
import { createDynamoDbClient } from '../../src/aws/dynamodb-client.ts';
import { startLocalDynamoDb } from '../../src/dev/dynamodb/server.ts';
import { startLocalKinesis } from '../../src/dev/kinesis/server.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog as log } from '../../src/lib/log.ts';
import { aWorkerConfig } from '../support/builders.ts';
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
    await createTable(client, 'checkpoints');
    await createStream(kinesis.kinesis, 'orders', 1);
    kinesis.kinesis.putRecord('orders', { partitionKey: 'a', data: Buffer.from('hello') });
    const config = encodeWorkerConfig(
      aWorkerConfig(
        { kinesis: kinesis.endpoint, dynamodb: dynamodb.endpoint },
        {
          // Of a processor that is played by another.
          leaseDurationMs: 60_000,
        },
      ),
    );
    const worker = startProgram([...command, 'worker', '--port=0', '--host=127.0.0.1'], {
      env: { ...credentials, [WORKER_CONFIG_ENV]: config },
    });
    try {
      await worker.says(/"records":1,"bytes":5/);
    } finally {
      await worker.stop();
    }
    expect(worker.child.exitCode, worker.text()).toBe(0);
  } finally {
    client.destroy();
    await Promise.all([kinesis.close(), dynamodb.close()]);
  }
}
