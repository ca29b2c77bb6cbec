import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { expect, it, onTestFinished, vi } from 'vitest';
import { requireGroup } from '../../src/dev/group-file.ts';
import { LOCAL_CREDENTIALS } from '../../src/dev/local-mode.ts';
import { workerCommand } from '../../src/main/local/start-local.ts';
import type { InvocationRecord } from '../../src/runtime/failure/invocation-record.ts';
import { kcgHere } from '../support/kcg-here.ts';
import { sdkClient } from './sdk-client.ts';
import { localMode } from '../support/local-mode.ts';

const HANDLER = `
export default async ({ records }) => {
  if (records.some(({ partitionKey }) => partitionKey === 'poison')) throw new Error('cannot eat this');
};
`;

const MENDED = `
import { writeFile } from 'node:fs/promises';
export default async ({ records }) => {
  await writeFile(new URL('mended.txt', import.meta.url), records.map(({ partitionKey }) => partitionKey).join());
};
`;

it('the poison of a group goes to a folder in local mode, whatever it names, and comes back with kcg redrive', async () => {
  for (const [name, value] of Object.entries(LOCAL_CREDENTIALS)) vi.stubEnv(name, value);
  const folder = await mkdtemp(join(tmpdir(), 'kcg-given-up-'));
  await writeFile(join(folder, 'handler.mjs'), HANDLER);
  const given = join(folder, 'given-up');
  const lines: string[] = [];
  const local = await localMode({
    workerCommand: workerCommand(given),
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
    { timeout: 120_000, interval: 100 },
  );
  expect(files[0]).toMatch(/^aws\/lambda\/shop\.orders\/shardId-000000000000\/\d{4}\/\d\d\/\d\d\/.*\.json$/);
  const record = JSON.parse(await readFile(join(given, files[0]!), 'utf8')) as InvocationRecord;
  expect(record).toMatchObject({
    requestContext: { condition: 'RetryAttemptsExhausted' },
    responseContext: { functionError: 'Unhandled' },
    KinesisBatchInfo: { batchSize: 1, shardId: 'shardId-000000000000' },
  });
  expect(JSON.parse(record.payload!).Records[0].kinesis).toMatchObject({ partitionKey: 'poison' });
  await vi.waitFor(() => expect(lines.join('\n')).toContain('RecordsGivenUp'), 120_000);

  await writeFile(join(folder, 'group.json'), JSON.stringify(group));
  await writeFile(join(folder, 'mended.mjs'), MENDED);
  const redrive = (module: string) =>
    kcgHere(
      [
        'redrive',
        '-f',
        join(folder, 'group.json'),
        '--from',
        given,
        '--kinesis-endpoint',
        local.kinesis.endpoint,
        '--module',
        join(folder, module),
      ],
      LOCAL_CREDENTIALS,
    );
  const failing = await redrive('handler.mjs');
  expect(failing).toMatchObject({ code: 1, stderr: '' });
  expect(failing.stdout).toContain('the handler failed');
  const absent = await redrive('none.mjs');
  expect(absent).toMatchObject({ code: 2, stdout: '' });
  expect(absent.stderr).toMatch(/none\.mjs does not exist here.*--module/s);
  const mended = await redrive('mended.mjs');
  expect(mended).toMatchObject({ code: 0, stderr: '' });
  expect(mended.stdout).toContain('1 record of 1 batch redriven');
  expect(await readFile(join(folder, 'mended.txt'), 'utf8')).toBe('poison');
  expect((await redrive('mended.mjs')).stdout).toContain('0 records of 0 batches redriven');
});
