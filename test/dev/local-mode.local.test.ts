import { DescribeStreamSummaryCommand } from '@aws-sdk/client-kinesis';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseGroup } from '../../src/api/group.ts';
import { LOCAL_CREDENTIALS } from '../../src/dev/local-mode.ts';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import { ARN } from '../api/spec-table.ts';
import { sdkClient } from './sdk-client.ts';
import { localMode } from '../support/local-mode.ts';

/** Stays until it is told to end, and does nothing. */
const IDLE = [process.execPath, '-e', 'process.stdin.resume().on("end", () => process.exit())'];

beforeEach(() => {
  for (const [name, value] of Object.entries(LOCAL_CREDENTIALS)) vi.stubEnv(name, value);
});
afterEach(() => vi.unstubAllEnvs());

describe('local mode', () => {
  it('serves a group that names its stream by the ARN of a real account', async () => {
    const local = await localMode({
      workerCommand: IDLE,
      shards: 2,
    });
    const client = sdkClient(local.kinesis.endpoint, { region: 'eu-west-1' });
    try {
      const parsed = parseGroup({
        apiVersion: 'kcg.dev/v1alpha1',
        kind: 'KinesisConsumerGroup',
        metadata: { name: 'orders', namespace: 'default' },
        spec: { stream: { arn: ARN }, handler: { log: {} } },
      });
      if (parsed.outcome === 'refused') return expect.fail(parsed.problems.join());
      await local.apply(parsed.group);
      const { StreamDescriptionSummary } = await client.send(
        new DescribeStreamSummaryCommand({ StreamARN: ARN }),
      );
      expect(StreamDescriptionSummary).toMatchObject({ StreamName: 'orders', OpenShardCount: 2 });
      // The operator found the stream, too: it made pods for its shards.
      await vi.waitFor(async () => expect(await local.cluster.list(KINDS.pod)).toHaveLength(2), 120_000);
    } finally {
      client.destroy();
      await local.stop();
    }
  });

  it('runs a group that reads with a stream consumer, with real workers', async () => {
    const read: string[] = [];
    const local = await localMode({
      onWorkerLine: (_, line) => {
        if (/"records":\d.*"message":"batch"/.test(line)) read.push(line);
      },
    });
    const operations = new Set<string>();
    local.kinesis.kinesis.faults = (operation) => void operations.add(operation);
    try {
      const parsed = parseGroup({
        apiVersion: 'kcg.dev/v1alpha1',
        kind: 'KinesisConsumerGroup',
        metadata: { name: 'orders', namespace: 'default' },
        spec: {
          stream: { name: 'orders' },
          region: 'eu-west-1',
          handler: { log: {} },
          consumer: { type: 'EnhancedFanOut' },
        },
      });
      if (parsed.outcome === 'refused') return expect.fail(parsed.problems.join());
      await local.apply(parsed.group);
      local.kinesis.kinesis.putRecord('orders', { partitionKey: 'a', data: Buffer.from('a') });
      await vi.waitFor(() => expect(read.length).toBeGreaterThan(0), 120_000);
      expect([...operations]).toEqual(expect.arrayContaining(['SubscribeToShard']));
      expect(operations).not.toContain('GetRecords');
    } finally {
      await local.stop();
    }
  });
});
