import {
  DynamoDBClient,
  GetItemCommand,
  UpdateContinuousBackupsCommand,
  UpdateTableCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWithCluster } from '../support/control-plane.ts';
import { until } from '../support/until.ts';
import { Site, type OperatorProcess } from './operator-process.ts';

/* Two API servers, an operator process on each, and one table of one account, as its user has them. */

const TableName = 'kinesis-checkpoints-shop-orders';
const GROUP = `
apiVersion: kcg.dev/v1alpha1
kind: KinesisConsumerGroup
metadata: {name: orders, namespace: shop}
spec:
  stream: {name: orders}
  region: eu-west-1
  handler: {log: {}}
  checkpoints: {table: {deletionProtection: true, pointInTimeRecovery: true, billing: {mode: OnDemand, maxWriteRequestUnits: 50}}}
`;

describeWithCluster('two clusters on one table', 'control', () => {
  let first: Site;
  let second: Site;
  let client: DynamoDBClient;
  const operators = new Map<Site, OperatorProcess>();

  beforeAll(async () => {
    first = await Site.open();
    second = await Site.open(first);
    first.kinesis.kinesis.createStream({ name: 'orders', shardCount: 2 });
    client = new DynamoDBClient({ region: 'eu-west-1', endpoint: first.dynamodb.endpoint });
    for (const site of [first, second]) {
      for (const name of ['shop', 'kcg-system']) await site.kubectl(`create namespace ${name}`);
      operators.set(site, await site.startOperator().works());
    }
  });
  afterAll(async () => {
    client?.destroy();
    await second?.close();
    await first?.close();
  });

  const comesTo = (site: Site, type: string, wanted: string) =>
    until(`${type} is ${wanted}`, async () => (await site.conditions('orders', 'shop'))[type] === wanted);
  const messageOf = async (site: Site, type: string) =>
    (await site.group('orders', 'shop'))?.status?.conditions?.find((each) => each.type === type)?.message ??
    '';
  /** Killed, and another in its place that knows nothing. */
  const restart = async (site: Site) => {
    await operators.get(site)!.end('SIGKILL');
    operators.set(site, await site.startOperator().works());
  };
  const clusterOfClaim = async () => {
    const Key = { group_id: { S: 'shop.orders' }, shard_id: { S: 'group#claim' } };
    const { Item } = await client.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }));
    return Item?.['cluster_id']?.S;
  };
  const takeOver = async (site: Site) => {
    const value = /(kcg\.dev\/take-over=[^\s.]+)/.exec(await messageOf(site, 'GroupClaimed'))?.[1];
    await site.kubectl(`annotate kcg orders -n shop --overwrite ${value}`);
  };

  test('the second stays out, takes over what it is told to, and the first then stays out', async () => {
    await first.apply(GROUP);
    await comesTo(first, 'GroupClaimed', 'True Claimed');
    await second.apply(GROUP);
    await comesTo(second, 'GroupClaimed', 'False ClaimedByOtherCluster');
    const mine = await clusterOfClaim();
    expect((await second.replicas('orders', 'shop')) ?? 0).toBe(0);
    await first.kubectl('delete kcg orders -n shop --wait=true');
    // What its status says is from before until it has looked.
    await restart(second);
    await until('a look', async () => {
      return (await operators.get(second)!.metric('kcg_operator_reconciles_total')) > 0;
    });
    await comesTo(second, 'GroupClaimed', 'False ClaimedByOtherCluster');
    expect(await clusterOfClaim()).toBe(mine);
    await takeOver(second);
    await comesTo(second, 'GroupClaimed', 'True Claimed');
    const theirs = await clusterOfClaim();
    expect(theirs).not.toBe(mine);
    await first.apply(GROUP);
    await comesTo(first, 'GroupClaimed', 'False ClaimedByOtherCluster');
    await takeOver(first);
    await comesTo(first, 'GroupClaimed', 'True Claimed');
    // The other's annotation is still there, and names a claim that is no more.
    await restart(second);
    await comesTo(second, 'GroupClaimed', 'False ClaimedByOtherCluster');
    expect(await clusterOfClaim()).toBe(mine);
    expect(await messageOf(second, 'GroupClaimed')).toContain('The present value names another claim');
  });

  test('what is changed by hand is told by kubectl, and set back', async () => {
    await operators.get(second)!.end('SIGTERM');
    await comesTo(first, 'TableReady', 'True TableActive');
    // One that looked between the two would tell of them one by one.
    await operators.get(first)!.end('SIGKILL');
    await client.send(new UpdateTableCommand({ TableName, DeletionProtectionEnabled: false }));
    const PointInTimeRecoverySpecification = { PointInTimeRecoveryEnabled: false };
    await client.send(new UpdateContinuousBackupsCommand({ TableName, PointInTimeRecoverySpecification }));
    // A new one looks at once.
    await restart(first);
    const words = [
      `table ${TableName} was changed by somebody else, and is set back: deletionProtection: off → on`,
      'pointInTimeRecovery: off → on',
    ];
    const events = () => first.kubectl('get events -n shop');
    const isTold = async () => {
      const told = await events();
      return told.match(/TableDrift/g)?.length === 2 && words.every((each) => told.includes(each));
    };
    await until('the events', isTold, 300, events);
    const path = '{.status.table.lastDrift.change}';
    const shown = () => first.kubectl(`get kcg orders -n shop -o jsonpath=${path}`);
    const change = 'pointInTimeRecovery: off → on, deletionProtection: off → on';
    await until('the status', async () => (await shown()) === change, 300, shown);
  });

  test('a replica is refused in words, until it is gone', async () => {
    const replica = (verb: 'Create' | 'Delete') =>
      new UpdateTableCommand({ TableName, ReplicaUpdates: [{ [verb]: { RegionName: 'us-east-1' } }] });
    await client.send(replica('Create'));
    await restart(first);
    await comesTo(first, 'TableReady', 'False TableReplicated');
    expect(await first.kubectl('describe kcg orders -n shop')).toContain(
      'is a global table, with replicas in us-east-1',
    );
    await client.send(replica('Delete'));
    await comesTo(first, 'TableReady', 'True TableActive');
  });
});
