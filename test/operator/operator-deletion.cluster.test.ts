import { DynamoDBClient, ListTablesCommand, PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { longTest } from '../support/long-test.ts';
import { until } from '../support/until.ts';
import { Site } from './operator-process.ts';
import { ProcessKubelet } from './process-kubelet.ts';

/*
 * The end of a group by `kubectl delete`, with its workers running, against a real garbage collector. That one takes half a
 * minute to get to know a new CRD, so what it does comes last.
 */

const NAMESPACE = 'shop';
let site: Site;
let operator: ReturnType<Site['startOperator']>;
let kubelet: ProcessKubelet;
let client: DynamoDBClient;

beforeAll(async () => {
  site = await Site.open();
  site.kinesis.kinesis.createStream({ name: 'orders', shardCount: 2 });
  client = new DynamoDBClient({ region: 'eu-west-1', endpoint: site.dynamodb.endpoint });
  operator = site.startOperator();
  await operator.works();
  await site.kubectl(`create namespace ${NAMESPACE}`);
  kubelet = new ProcessKubelet(site.plane.kubeconfig, NAMESPACE);
});
afterAll(async () => {
  await kubelet?.close();
  client?.destroy();
  await site?.close();
});

async function start(name: string, checkpoints: string, namespace = NAMESPACE): Promise<void> {
  await site.apply(`apiVersion: kcg.dev/v1alpha1
kind: KinesisConsumerGroup
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  stream: {name: orders}
  region: eu-west-1
  handler: {log: {}}
  checkpoints: ${checkpoints}
`);
  if (namespace === NAMESPACE) await ready(name);
}
const ready = (name: string) =>
  site.kubectl(`wait --for=condition=Ready kcg/${name} -n ${NAMESPACE} --timeout=300s`);
const remove = (name: string) => site.kubectl(`delete kcg ${name} -n ${NAMESPACE} --timeout=300s`);
/** What the garbage collector has left of a group. */
const dependents = (name: string) =>
  site.kubectl(`get deployments,replicasets,pods,pdb -n ${NAMESPACE} -o name -l kcg.dev/group=${name}`);
const tables = async () => (await client.send(new ListTablesCommand({}))).TableNames ?? [];
const tableOf = (name: string) => `kinesis-checkpoints-${NAMESPACE}-${name}`;

interface Row {
  group: string;
  key: string;
  ttl: number | undefined;
}

async function rows(TableName: string): Promise<Row[]> {
  const { Items = [] } = await client.send(new ScanCommand({ TableName }));
  return Items.map(({ group_id, shard_id, ttl }) => ({
    group: group_id?.S ?? '',
    key: shard_id?.S ?? '',
    ttl: ttl?.N === undefined ? undefined : Number(ttl.N),
  }));
}

describe('a deleted group', () => {
  test('takes its table along with Delete, after its workers', async () => {
    await start('gone', '{deletionPolicy: Delete}');
    expect(await tables()).toContain(tableOf('gone'));
    const running: number[] = [];
    onTestFinished(() => site.dynamodb.fail());
    site.dynamodb.fail((operation) => {
      if (operation === 'DeleteTable') running.push(kubelet.pods.length);
      return undefined;
    });
    await remove('gone');
    await until('no table', async () => !(await tables()).includes(tableOf('gone')));
    // Twice, when the first answer was late.
    expect(new Set(running)).toEqual(new Set([0]));
  });

  longTest('takes only its rows from a table that others use or made', async () => {
    const shared = (policy: string) => `{deletionPolicy: ${policy}, table: {name: shared}}`;
    await start('one', shared('Delete'));
    await start('two', shared('Delete'));
    await remove('one');
    expect(new Set((await rows('shared')).map(({ group }) => group))).toEqual(new Set(['shop.two']));
    await until('two goes on', async () => {
      return (await site.conditions('two', NAMESPACE))['Ready'] === 'True Available';
    });
    await remove('two');
    // The tag says that one has made it.
    expect(await tables()).toContain('shared');
    expect(await rows('shared')).toEqual([]);
  });

  longTest('spares a table of its own in which a group of another cluster has rows', async () => {
    await start('host', '{deletionPolicy: Delete}');
    const abroad = { group_id: { S: 'abroad.orders' }, shard_id: { S: 'shardId-000000000000' } };
    await client.send(new PutItemCommand({ TableName: tableOf('host'), Item: abroad }));
    await remove('host');
    expect(await tables()).toContain(tableOf('host'));
    expect((await rows(tableOf('host'))).map(({ group }) => group)).toEqual(['abroad.orders']);
  });

  longTest('has its rows expire after the days it says', async () => {
    await start('expiring', '{deletionPolicy: Expire, expireAfterDays: 3}');
    await remove('expiring');
    const left = await rows(tableOf('expiring'));
    const shards = left.filter(({ key }) => key.startsWith('shardId-'));
    expect(shards).toHaveLength(2);
    const days = (ttl = 0) => Math.round((ttl - Date.now() / 1_000) / 86_400);
    expect(shards.map(({ ttl }) => days(ttl))).toEqual([3, 3]);
    // One that comes back in time goes on, and nothing of it expires.
    await start('expiring', '{}');
    await until('no row expires', async () => {
      const now = await rows(tableOf('expiring'));
      return now.every(({ key, ttl }) => key.startsWith('worker#') || ttl === undefined);
    });
    await remove('expiring');
  });

  longTest(
    'whose AWS is away goes at once with Retain; with Delete it says so until it is told to retain',
    async () => {
      await start('careless', '{}');
      await start('careful', '{deletionPolicy: Delete}');
      site.dynamodb.fail(() => ({ do: 'fail', type: 'InternalServerError', message: 'away', status: 500 }));
      try {
        await remove('careless');
        await site.kubectl(`delete kcg careful -n ${NAMESPACE} --wait=false`);
        const message = await until('what it waits for', async () => {
          const status = (await site.group('careful', NAMESPACE))?.status;
          const said = status?.conditions?.find(({ type }) => type === 'Ready')?.message;
          return said?.includes('Retain') ? said : undefined;
        });
        expect(message).toContain(tableOf('careful'));
        expect(message).toContain(
          'Or set checkpoints.deletionPolicy to Retain, which leaves the table as it is.',
        );
        const patch = JSON.stringify({ spec: { checkpoints: { deletionPolicy: 'Retain' } } });
        await site.kubectl(`patch kcg careful -n ${NAMESPACE} --type=merge -p ${patch}`);
        await site.kubectl(`wait --for=delete kcg/careful -n ${NAMESPACE} --timeout=300s`);
      } finally {
        site.dynamodb.fail();
      }
      expect(await tables()).toContain(tableOf('careful'));
    },
  );

  test('takes its table along also when the policy was set at the moment it was deleted', async () => {
    await start('hasty', '{}');
    const patch = JSON.stringify({ spec: { checkpoints: { deletionPolicy: 'Delete' } } });
    // The operator hears of both together.
    operator.signal('SIGSTOP');
    try {
      await site.kubectl(`patch kcg hasty -n ${NAMESPACE} --type=merge -p ${patch}`);
      await remove('hasty');
    } finally {
      operator.signal('SIGCONT');
    }
    await until('no table of it', async () => !(await tables()).includes(tableOf('hasty')));
  });

  test('leaves its positions with Retain, and a group of its name goes on from them', async () => {
    await start('kept', '{}');
    expect((await site.get('group', 'kept', NAMESPACE))?.metadata.finalizers).toBeUndefined();
    await remove('kept');
    for (const name of ['kept', 'gone', 'one', 'two']) {
      await until(`nothing of ${name} in the cluster`, async () => (await dependents(name)) === '');
    }
    const left = await rows(tableOf('kept'));
    expect(left.map(({ key }) => key)).toEqual([
      'group#claim',
      'shardId-000000000000',
      'shardId-000000000001',
    ]);
    expect(left.filter(({ ttl }) => ttl !== undefined)).toEqual([]);
    await start('kept', '{}');
    // Told with what it led to, half a minute late at most.
    await until('the claim is told', async () => {
      const events = await site.kubectl(`get events -n ${NAMESPACE}`);
      return events.includes('group id shop.kept claimed: the resource that held it is gone');
    });
    await remove('kept');
  });
});

longTest('a namespace with groups of each policy is deleted to its end', async () => {
  const teams = new ProcessKubelet(site.plane.kubeconfig, 'teams');
  try {
    await site.kubectl('create namespace teams');
    await start('a', '{}', 'teams');
    await start('b', '{deletionPolicy: Delete}', 'teams');
    await start('c', '{deletionPolicy: Expire, expireAfterDays: 1}', 'teams');
    await site.kubectl('wait --for=condition=Ready kcg --all -n teams --timeout=300s');
    await site.kubectl('delete namespace teams --timeout=300s');
    // A table is there for a moment after the group that had it deleted.
    const names = async () => (await tables()).filter((name) => name.includes('teams'));
    await until('no table of b', async () => !(await names()).includes('kinesis-checkpoints-teams-b'));
    expect(await names()).toEqual(['kinesis-checkpoints-teams-a', 'kinesis-checkpoints-teams-c']);
    const expiring = (await rows('kinesis-checkpoints-teams-c')).filter(({ key }) =>
      key.startsWith('shardId-'),
    );
    expect(expiring.every(({ ttl }) => ttl !== undefined)).toBe(true);
    await until('no worker process', () => teams.pods.length === 0);
  } finally {
    await teams.close();
  }
});
