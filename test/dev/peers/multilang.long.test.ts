import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListShardsCommand, PutRecordCommand, SplitShardCommand } from '@aws-sdk/client-kinesis';
import { afterEach, describe, expect, it } from 'vitest';
import { npmPackage, pythonSource, startProgram, type PeerProgram } from '../../support/peer-programs.ts';
import { sdkClient } from '../sdk-client.ts';
import { KCG } from '../../support/kcg-program.ts';

const FILES = join(import.meta.dirname, 'multilang');
const KCLPY = '3.2.0';
const AWS_KCL = '2.3.2';

let dev: PeerProgram | undefined;
afterEach(() => dev?.stop());

/** `kcg dev` with a group whose handler is this program. */
async function startDev(command: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'kcg-multilang-'));
  const group = {
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisConsumerGroup',
    metadata: { name: 'orders', namespace: 'shop' },
    spec: {
      stream: { name: 'orders' },
      region: 'eu-west-1',
      consumer: { type: 'Polling', pollIntervalMillis: 200 },
      // None runs out, however busy the machine is: so nothing comes twice.
      leases: { durationSeconds: 60 },
      // One worker, or a second one comes in time to be given a shard, whose program is told so, or does not.
      scaling: { mode: 'Fixed', replicas: 1 },
      handler: { exec: { command } },
    },
  };
  await writeFile(join(folder, 'group.yaml'), JSON.stringify(group));
  const args = ['dev', '-f', join(folder, 'group.yaml'), '--shards', '1'];
  const program = startProgram([process.execPath, KCG, ...args], {
    env: { ...env, NO_COLOR: '1' },
    cwd: folder,
  });
  dev = program;
  const [, url = ''] = await program.says(/local Kinesis .*(http:\/\/\S+)/);
  await program.says(/who owns what/);
  const client = sdkClient(url, { region: 'eu-west-1' });
  const put = (data: string) =>
    client.send(new PutRecordCommand({ StreamName: 'orders', PartitionKey: data, Data: Buffer.from(data) }));
  return { program, client, put };
}

const STOCK: [string, () => Promise<{ command: string[]; env?: NodeJS.ProcessEnv }>][] = [
  ...['v3', 'v2'].map((version): (typeof STOCK)[number] => [
    `amazon_kclpy ${KCLPY}, a processor of ${version}`,
    async () => ({
      command: ['python3', '-u', join(FILES, 'processor.py'), version],
      env: { PYTHONPATH: await pythonSource('amazon_kclpy', KCLPY) },
    }),
  ]),
  [
    `aws-kcl ${AWS_KCL}`,
    async () => ({
      command: [process.execPath, join(FILES, 'consumer.cjs'), await npmPackage('aws-kcl', AWS_KCL)],
    }),
  ],
];

describe.each(STOCK)('%s', (name, install) => {
  it('lives a whole life, unchanged', { timeout: 1_200_000 }, async () => {
    const { command, env } = await install();
    const { program, put, client } = await startDev(command, env);
    const [, pid = ''] = await program.says(/told initialize shardId-000000000000 TRIM_HORIZON 0 (\d+)/);
    const { SequenceNumber: first } = await put('first');
    await program.says(/told record first/);
    await program.says(/told refused IllegalArgumentException/);
    await program.says(new RegExp(`told checkpointed ${first}`));

    // It dies with nothing to do: what it has checkpointed does not come again.
    process.kill(Number(pid), 'SIGKILL');
    await program.says(/was ended by SIGKILL/);
    await program.says(new RegExp(`told initialize shardId-000000000000 ${first} 0 (?!${pid})`));
    await put('second');
    await program.says(/told record second/);
    expect(program.text().match(/told record first/g)).toHaveLength(1);

    await client.send(
      new SplitShardCommand({
        StreamName: 'orders',
        ShardToSplit: 'shardId-000000000000',
        NewStartingHashKey: (2n ** 127n).toString(),
      }),
    );
    await program.says(name.includes('v2') ? /told shutdown TERMINATE/ : /told shard_ended/);
    await program.says(/told initialize shardId-000000000001 TRIM_HORIZON 0/);
    await program.says(/told initialize shardId-000000000002 TRIM_HORIZON 0/);
    await put('third');
    await program.says(/told record third/);
    const { Shards } = await client.send(new ListShardsCommand({ StreamName: 'orders' }));
    expect(Shards).toHaveLength(3);

    await program.stop();
    expect(program.text().match(/told shutdown_requested/g)).toHaveLength(2);
    expect(
      program.text().match(name.includes('v2') ? /told shutdown ZOMBIE/g : /told lease_lost/g),
    ).toHaveLength(2);
    expect(program.text()).not.toMatch(/told record (first|second)[^]*told record \1/);
  });
});

describe(`the sample of amazon_kclpy ${KCLPY}`, () => {
  it('runs as it is, though it never ends a line', { timeout: 1_200_000 }, async () => {
    const source = await pythonSource('amazon_kclpy', KCLPY);
    const command = ['python3', join(source, 'samples/sample_kclpy_app.py')];
    const { program, put } = await startDev(command, { PYTHONPATH: source, PYTHONUNBUFFERED: '' });
    // 42 KB of words: Python keeps 16 KB of them to itself, and a part of a line is 8 KB.
    for (let i = 0; i < 300; i += 1) await put(`key-${i}`);
    await program.says(
      /Record \(Partition Key: key-40, Sequence Number: \d+, Subsequence Number: 0, Data Size: 6/,
    );
    await program.stop();
    expect(program.text()).toMatch(/Shutdown has been requested, checkpointing\.Lease has been lost/);
  });
});
