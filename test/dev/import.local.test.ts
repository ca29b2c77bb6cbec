import { CreateTableCommand, DescribeTableCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { parseGroup } from '../../src/api/group.ts';
import { createDynamoDbClient } from '../../src/aws/dynamodb-client.ts';
import { LOCAL_CREDENTIALS } from '../../src/dev/local-mode.ts';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import { localMode } from '../support/local-mode.ts';

beforeEach(() => {
  for (const [name, value] of Object.entries(LOCAL_CREDENTIALS)) vi.stubEnv(name, value);
});
afterEach(() => vi.unstubAllEnvs());

const S = (value: string) => ({ S: value });
const N = (value: number) => ({ N: String(value) });
const SHARDS = 2;
const RECORDS = 60;

/** A KCL application has read the first part of each shard, and one of its workers beats on until the test stops it. */
test(
  'local mode shadows a KCL application while it runs, and goes on as soon as it has stopped, with nothing of what it had done',
  { timeout: 900_000 },
  async () => {
    const batches: number[] = [];
    const local = await localMode({
      shards: SHARDS,
      onWorkerLine: (_, line) => {
        const records = /"records":(\d+).*"message":"batch"/.exec(line)?.[1];
        if (records !== undefined) batches.push(Number(records));
      },
    });
    const client = createDynamoDbClient({ region: 'us-east-1', endpoint: local.dynamodb.endpoint });
    const { kinesis } = local.kinesis;
    try {
      kinesis.createStream({ name: 'orders', shardCount: SHARDS });
      await kinesis.whenCreated('orders');
      const put = Array.from({ length: RECORDS }, (_, n) =>
        kinesis.putRecord('orders', { partitionKey: `key-${n}`, data: Buffer.from(`${n}`) }),
      );
      await client.send(
        new CreateTableCommand({
          TableName: 'orders-app',
          BillingMode: 'PAY_PER_REQUEST',
          KeySchema: [{ AttributeName: 'leaseKey', KeyType: 'HASH' }],
          AttributeDefinitions: [{ AttributeName: 'leaseKey', AttributeType: 'S' }],
        }),
      );
      await vi.waitFor(async () => {
        const { Table } = await client.send(new DescribeTableCommand({ TableName: 'orders-app' }));
        expect(Table?.TableStatus).toBe('ACTIVE');
      }, 120_000);
      let done = 0;
      const checkpoints = kinesis.listShards('orders').shards.map(({ shardId }) => {
        const own = put.filter((record) => record.shardId === shardId);
        const half = Math.floor(own.length / 2);
        done += half;
        return { shardId, checkpoint: own[half - 1]!.sequence };
      });
      const beat = async (counter: number) => {
        for (const { shardId, checkpoint } of checkpoints) {
          const Item = {
            leaseKey: S(shardId),
            checkpoint: S(checkpoint),
            checkpointSubSequenceNumber: N(0),
            leaseCounter: N(counter),
            leaseOwner: S('their-worker'),
            ownerSwitchesSinceCheckpoint: N(0),
          };
          await client.send(new PutItemCommand({ TableName: 'orders-app', Item }));
        }
      };
      await beat(1);
      const parsed = (desiredState: string) =>
        parseGroup({
          apiVersion: 'kcg.dev/v1alpha1',
          kind: 'KinesisConsumerGroup',
          metadata: { name: 'orders', namespace: 'default' },
          spec: {
            stream: { name: 'orders' },
            region: 'us-east-1',
            handler: { log: {} },
            // None runs out, however busy the machine is: so nothing comes twice.
            leases: { durationSeconds: 60 },
            desiredState,
            checkpoints: { importFrom: { type: 'KCL', table: 'orders-app' } },
          },
        });
      const apply = async (desiredState: string) => {
        const { outcome, ...found } = parsed(desiredState);
        if (!('group' in found)) return expect.fail(`${outcome}: ${found.problems.join()}`);
        await local.apply(found.group);
      };
      const left = RECORDS - done;
      const sum = () => batches.reduce((total, records) => total + records, 0);
      // Its shadow reads on from there while it runs, and processes nothing.
      await apply('Shadow');
      await vi.waitFor(() => expect(sum()).toBe(left), 120_000);
      batches.length = 0;
      await apply('Running');
      const condition = async () => {
        const group = await local.cluster.get(KINDS.consumerGroup, { namespace: 'default', name: 'orders' });
        const { conditions = [] } = (group?.status ?? {}) as {
          conditions?: { type: string; reason: string; message: string }[];
        };
        return conditions.find(({ type }) => type === 'PositionsImported');
      };
      let counter = 1;
      await vi.waitFor(
        async () => {
          await beat((counter += 1));
          expect(await condition()).toMatchObject({ reason: 'SourceLive' });
        },
        { timeout: 120_000, interval: 1_000 },
      );
      expect((await condition())?.message).toContain('their-worker');
      // It lives until they are gone: later, others take their place.
      await vi.waitFor(
        async () => {
          await beat((counter += 1));
          expect(await local.cluster.list(KINDS.pod)).toEqual([]);
        },
        { timeout: 120_000, interval: 1_000 },
      );
      // It ends as KCL does, with its name left in the rows.
      await vi.waitFor(async () => expect(await condition()).toMatchObject({ reason: 'Imported' }), 120_000);
      await vi.waitFor(() => expect(sum()).toBeGreaterThanOrEqual(left), 120_000);
      expect(sum()).toBe(left);
    } finally {
      client.destroy();
      await local.stop();
    }
  },
);
