import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { expect, it, onTestFinished, vi } from 'vitest';
import { requireGroup } from '../../src/dev/group-file.ts';
import { LOCAL_CREDENTIALS, startLocalMode } from '../../src/dev/local-mode.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { sdkAwsAccount } from '../../src/main/aws-account.ts';
import { workerCommand } from '../../src/main/local.ts';
import type { InvocationRecord } from '../../src/runtime/failure/invocation-record.ts';
import { sdkClient } from './sdk-client.ts';

const HANDLER = `
export default async ({ records }) => {
  if (records.some(({ partitionKey }) => partitionKey === 'poison')) throw new Error('cannot eat this');
};
`;

it(
  'writes what the group gives up to a folder, for a group that names a queue, without AWS',
  { timeout: 60_000 },
  async () => {
    for (const [name, value] of Object.entries(LOCAL_CREDENTIALS)) vi.stubEnv(name, value);
    const folder = await mkdtemp(join(tmpdir(), 'kcg-given-up-'));
    await writeFile(join(folder, 'handler.mjs'), HANDLER);
    const given = join(folder, 'given-up');
    const lines: string[] = [];
    const local = await startLocalMode({
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      aws: sdkAwsAccount(systemClock),
      workerCommand: workerCommand(given),
      shards: 1,
      onWorkerLine: (_, line) => lines.push(line),
    });
    const client = sdkClient(local.kinesis.endpoint, { region: 'eu-west-1' });
    onTestFinished(async () => {
      client.destroy();
      await local.stop();
      vi.unstubAllEnvs();
    });
    const handler = {
      module: { path: join(folder, 'handler.mjs') },
      retry: { maxAttempts: 0, bisectOnError: true },
      onFailure: { sqs: { queueArn: 'arn:aws:sqs:eu-west-1:123456789012:failed' } },
    };
    const group = {
      apiVersion: 'kcg.dev/v1alpha1',
      kind: 'KinesisConsumerGroup',
      metadata: { name: 'orders', namespace: 'shop' },
      spec: { stream: { name: 'orders' }, region: 'eu-west-1', handler },
    };
    await local.apply(requireGroup(group, 'here'));
    const Records = ['a', 'poison', 'b'].map((PartitionKey) => ({
      PartitionKey,
      Data: Buffer.from(PartitionKey),
    }));
    await client.send(new PutRecordsCommand({ StreamName: 'orders', Records }));
    const files = await vi.waitFor(
      async () => {
        const found = await readdir(given, { recursive: true });
        expect(found.filter((name) => name.endsWith('.json'))).toHaveLength(1);
        return found.filter((name) => name.endsWith('.json'));
      },
      { timeout: 40_000, interval: 100 },
    );
    expect(files[0]).toMatch(
      /^aws\/lambda\/shop\.orders\/shardId-000000000000\/\d{4}\/\d\d\/\d\d\/.*\.json$/,
    );
    const record = JSON.parse(await readFile(join(given, files[0]!), 'utf8')) as InvocationRecord;
    expect(record).toMatchObject({
      requestContext: { condition: 'RetryAttemptsExhausted' },
      responseContext: { functionError: 'Unhandled' },
      KinesisBatchInfo: { batchSize: 1, shardId: 'shardId-000000000000' },
    });
    expect(JSON.parse(record.payload!).Records[0].kinesis).toMatchObject({ partitionKey: 'poison' });
    await vi.waitFor(() => expect(lines.join('\n')).toContain('RecordsGivenUp'), 10_000);
  },
);
