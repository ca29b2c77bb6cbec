import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { PutRecordCommand, KinesisClient } from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { OffsetResetStatus } from '../../src/api/offset-reset.ts';
import { LOCAL_CREDENTIALS } from '../../src/dev/local-mode.ts';
import { kcgHere } from '../support/kcg-here.ts';
import { until } from '../support/until.ts';
import { Site } from './operator-process.ts';
import { ProcessKubelet } from './process-kubelet.ts';

/* Resets on a real API server, by a real operator, of a group with real worker processes. */

const NAMESPACE = 'shop';
let site: Site;
let kubelet: ProcessKubelet;
let client: KinesisClient;

beforeAll(async () => {
  site = await Site.open();
  site.kinesis.kinesis.createStream({ name: 'orders', shardCount: 2 });
  client = new KinesisClient({ region: 'eu-west-1', endpoint: site.kinesis.endpoint });
  await site.kubectl(`create namespace ${NAMESPACE}`);
  kubelet = new ProcessKubelet(site.plane.kubeconfig, NAMESPACE);
  await site.startOperator().works();
  await site.apply(GROUP);
});
afterAll(async () => {
  client?.destroy();
  await kubelet?.close();
  await site?.close();
});

const GROUP = `
apiVersion: kcg.dev/v1alpha1
kind: KinesisConsumerGroup
metadata: {name: orders, namespace: ${NAMESPACE}}
spec:
  stream: {name: orders}
  region: eu-west-1
  handler: {log: {}, batchSize: 10}
  checkpoints: {intervalSeconds: 1}
  scaling: {mode: Fixed, replicas: 1}
`;
const reset = (name: string, spec: string) => `
apiVersion: kcg.dev/v1alpha1
kind: KinesisOffsetReset
metadata: {name: ${name}, namespace: ${NAMESPACE}}
spec: {group: orders, ${spec}}
`;

/** Records that the handler has logged so far. */
const delivered = () =>
  kubelet.lines
    .filter((line) => line.includes('"message":"batch"'))
    .map((line) => Number(/"records":(\d+)/.exec(line)?.[1]))
    .reduce((sum, count) => sum + count, 0);
async function putTwenty(): Promise<void> {
  for (let n = 0; n < 20; n += 1)
    await client.send(
      new PutRecordCommand({ StreamName: 'orders', PartitionKey: `k${n}`, Data: Buffer.from('x') }),
    );
}
/** Of both shards, by the table itself. */
async function positions(): Promise<string[]> {
  const tables = new DynamoDBClient({ region: 'eu-west-1', endpoint: site.dynamodb.endpoint });
  const TableName = `kinesis-checkpoints-${NAMESPACE}-orders`;
  const { Items = [] } = await tables.send(new ScanCommand({ TableName }));
  tables.destroy();
  const shards = Items.filter(({ shard_id }) => shard_id?.S?.startsWith('shardId-'));
  return shards.map(({ sequence }) => sequence?.S ?? '');
}
const podNames = async () => site.kubectl(`get pods -n ${NAMESPACE} -o name`);

async function statusOf(name: string): Promise<OffsetResetStatus> {
  return (await site.get('reset', name, NAMESPACE))?.status ?? {};
}
async function over(name: string): Promise<OffsetResetStatus> {
  return until(`the end of ${name}`, async () => {
    const status = await statusOf(name);
    const isOver = status.conditions?.some(
      ({ type, status: is }) => is === 'True' && (type === 'Complete' || type === 'Stalled'),
    );
    return isOver ? status : undefined;
  });
}

test('the API server refuses what cannot be, and any change', async () => {
  const refused = (spec: string) => site.refused('apply --server-side -f -', reset('bad', spec));
  expect(await refused('to: {type: AtTimestamp}')).toContain('AtTimestamp needs timestamp');
  expect(await refused('to: {type: Latest}, undo: other')).toContain('set exactly one of to and undo');
  expect(await refused('to: {type: Group, group: orders}')).toContain('to.group is the group itself');
  const twice = 'positions: [{shardId: a, after: "1"}, {shardId: a, after: "2"}]';
  expect(await refused(`to: {type: SequenceNumbers, ${twice}}`)).toMatch(/[Dd]uplicate/);
  expect(await refused('to: {type: SequenceNumbers, positions: [{shardId: a}]}')).toContain(
    'set exactly one of after and at',
  );
  await site.apply(reset('kept', 'to: {type: Latest}, dryRun: true'));
  expect(await site.refused('apply --server-side -f -', reset('kept', 'to: {type: TrimHorizon}'))).toContain(
    'a reset is done once and cannot be changed',
  );
});

test('a reset without its group says so in kubectl get, and is done when the group comes', async () => {
  const row = async (flags = '') =>
    (await site.kubectl(`get kcgreset early -n ${NAMESPACE} --no-headers${flags}`)).trim();
  await site.apply(reset('early', 'to: {type: TrimHorizon}').replace('group: orders', 'group: late'));
  await until('a reason', async () => (await statusOf('early')).conditions);
  expect(await row()).toMatch(/^early +late +TrimHorizon +False +GroupNotFound /);
  expect(await row(' -o wide')).toContain(
    `there is no KinesisConsumerGroup late in namespace ${NAMESPACE}. Create it, and this reset goes on by itself`,
  );
  const late = GROUP.replaceAll('orders', 'late').replace('spec:', 'spec:\n  desiredState: Stopped');
  await site.apply(late);
  await until('that the group is seen', async () => (await row()).includes('GroupNotReady'));
  expect(await row(' -o wide')).toContain('kcg status late -n shop says what it waits for');
  site.kinesis.kinesis.createStream({ name: 'late', shardCount: 1 });
  await site.kubectl(`annotate kcg late -n ${NAMESPACE} kcg.dev/reconcile=now`);
  await until('the end of early', async () => / True +Reset /.test(await row()));
});

test('a reset that is over goes by itself, when it says so', async () => {
  await site.apply(reset('brief', 'to: {type: Latest}, dryRun: true, ttlSecondsAfterFinished: 0'));
  await site.kubectl(`wait --for=delete kcgreset/brief -n ${NAMESPACE} --timeout=300s`);
  expect(
    await site.refused(
      'apply --server-side -f -',
      reset('bad', 'to: {type: Latest}, ttlSecondsAfterFinished: -1'),
    ),
  ).toContain('ttlSecondsAfterFinished');
});

describe('a group that reads', () => {
  test('is refused, then stopped, moved and set going again; kubectl shows and waits for it', async () => {
    await until(
      'a group that is ready',
      async () => (await site.conditions('orders', NAMESPACE))['Ready'] === 'True Available',
    );
    await putTwenty();
    await until('all records', () => delivered() >= 20);

    await site.apply(reset('refused', 'to: {type: TrimHorizon}'));
    const refused = await over('refused');
    expect(refused.conditions?.find(({ type }) => type === 'Complete')).toMatchObject({
      status: 'False',
      reason: 'WorkersRunning',
    });

    const pods = await podNames();
    await site.apply(reset('back', 'to: {type: TrimHorizon}, whileRunning: Stop'));
    await site.kubectl(`wait --for=condition=Complete kcgreset/back -n ${NAMESPACE} --timeout=300s`);
    const done = await statusOf('back');
    expect(done.moved).toBe(2);
    expect(done.shards?.map(({ to }) => to)).toEqual(['TRIM_HORIZON', 'TRIM_HORIZON']);
    for (const { from } of done.shards ?? []) expect(from).toMatch(/^\d{20,}$/);
    const table = await site.kubectl(`get kcgreset back -n ${NAMESPACE}`);
    expect(table.split('\n')[0]!.split(/\s+/).slice(0, 6)).toEqual(
      'NAME GROUP TO COMPLETE REASON MOVED'.split(' '),
    );
    expect(table).toMatch(/back\s+orders\s+TrimHorizon\s+True\s+Reset\s+2/);
    const events = () => site.kubectl(`get events -n ${NAMESPACE} -o jsonpath={.items[*].reason}`);
    await until('the events', async () => {
      const reasons = new Set((await events()).split(' '));
      return ['WorkersRunning', 'StoppingWorkers', 'Reset'].every((reason) => reasons.has(reason));
    });
    // All of it comes again, to the same pods.
    await until('all records again', () => delivered() >= 40);
    expect(await podNames()).toBe(pods);
    await until(
      'a group that is ready again',
      async () => (await site.conditions('orders', NAMESPACE))['Ready'] === 'True Available',
    );
  });

  test('is reset and set back by the command line, which waits and shows the outcome', async () => {
    const kcg = (...argv: string[]) =>
      kcgHere(['reset', 'orders', '-n', NAMESPACE, '--kubeconfig', site.plane.kubeconfig, ...argv]);
    // What the reset before has moved back is at its tip again with the next checkpoint.
    await until('positions in numbers', async () => (await positions()).every((at) => /^\d+$/.test(at)));
    const dry = await kcg('--to', 'TrimHorizon', '--dry-run');
    expect(dry).toMatchObject({ code: 0, stderr: '' });
    expect(dry.stdout).toMatch(/shardId-000000000000 +\d+ +TRIM_HORIZON +the oldest record kept/);
    expect(dry.stdout).toContain('2 shards would move; nothing was written.');
    const running = await kcg('--to', 'Latest');
    expect(running.code).toBe(1);
    expect(running.stderr).toContain('Stop the group, or add --stop.');
    const before = delivered();
    const undone = await kcg('--undo', '--stop', '-o', 'json');
    expect(undone.code).toBe(0);
    // It had come as far again as it was before.
    expect(JSON.parse(undone.stdout)).toMatchObject({ shards: [], unchanged: 2 });
    // In each shard what comes again would come before what is new.
    await putTwenty();
    await until('the new records', () => delivered() >= before + 20);
    expect(delivered()).toBe(before + 20);
    const nobody = await kcgHere(['reset', 'nobody', '--kubeconfig', site.plane.kubeconfig, '--undo']);
    expect(nobody.stderr).toContain('there is no KinesisConsumerGroup nobody in namespace default');
  });

  test('is not touched by a replay of some time beside it, which is complete, and whose pods go', async () => {
    const pods = await podNames();
    const before = delivered();
    const from = new Date().toISOString();
    await putTwenty();
    const to = new Date().toISOString();
    await until('a later moment', () => Date.now() > Date.parse(to));
    await putTwenty();
    await until('the new records', () => delivered() >= before + 40);
    const range = `  range: {from: "${from}", to: "${to}"}`;
    await site.apply(GROUP.replace('{name: orders', '{name: replay').replace('spec:', `spec:\n${range}`));
    await site.kubectl(`wait --for=condition=Complete kcg/replay -n ${NAMESPACE} --timeout=300s`);
    await until('the records of the range', () => delivered() >= before + 60);
    await until('that its pods are gone', async () => (await podNames()) === pods);
    expect(delivered()).toBe(before + 60);
    expect((await site.conditions('replay', NAMESPACE))['Ready']).toBe('True RangeRead');
  });

  test('is left to its operator by who has only the table', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kcg-reset-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'group.yaml');
    writeFileSync(file, GROUP);
    const endpoints = [
      '--kinesis-endpoint',
      site.kinesis.endpoint,
      '--dynamodb-endpoint',
      site.dynamodb.endpoint,
    ];
    const refused = await kcgHere(
      ['reset', '-f', file, ...endpoints, '--to', 'TrimHorizon', '--stop'],
      LOCAL_CREDENTIALS,
    );
    const uid = await site.kubectl('get namespace kube-system -o jsonpath={.metadata.uid}');
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain(
      `its claim in the table names namespace ${NAMESPACE} of cluster ${uid.trim()}`,
    );
    expect(refused.stderr).toContain(`kcg reset orders -n ${NAMESPACE}`);
    const undo = (...argv: string[]) =>
      kcgHere(['import', ...argv, '--undo', ...endpoints], LOCAL_CREDENTIALS);
    const byFile = await undo('-f', file);
    expect(byFile).toMatchObject({ code: 1, stdout: '' });
    expect(byFile.stderr).toContain(`kcg import orders -n ${NAMESPACE} --undo`);
    const at = ['-n', NAMESPACE, '--kubeconfig', site.plane.kubeconfig];
    const running = await undo('orders', ...at);
    expect(running).toMatchObject({ code: 1, stdout: '' });
    expect(running.stderr).toContain(`KinesisConsumerGroup orders in namespace ${NAMESPACE} is Running`);
    // One that is stopped is not written by its operator meanwhile.
    const stopped = await undo('late', ...at);
    expect(stopped).toMatchObject({ code: 0, stderr: '' });
    expect(stopped.stdout).toContain('nothing to undo');
  });
});
