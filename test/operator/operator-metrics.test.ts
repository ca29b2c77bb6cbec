import { expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { OperatorMetrics } from '../../src/operator/operator-metrics.ts';
import type { StoredObject } from '../../src/kubernetes/cluster.ts';
import { ManualClock } from '../support/manual-clock.ts';

test('requests, watches and looks are counted', async () => {
  const metrics = new OperatorMetrics();
  const request = { verb: 'patch', resource: 'deployments', seconds: 0.1 };
  metrics.onRequest({ ...request, statusCode: 200 });
  metrics.onRequest({ ...request, statusCode: 200 });
  metrics.onRequest({ ...request, statusCode: 403 });
  metrics.onRequest({ ...request, statusCode: 0 });
  metrics.onReflector({ type: 'listed', kind: 'Pod', objects: 3, changes: 3 });
  metrics.onReflector({ type: 'missed', kind: 'Pod', changes: 2 });
  const error = new KcgError('Timeout', 'it was silent');
  metrics.onReflector({ type: 'failed', kind: 'Pod', error, failures: 1, retryInMs: 200 });
  metrics.onReconcile({ key: 'shop/orders', waitedMs: 250, ranMs: 30, failed: true, stuck: true });
  metrics.leading(true);
  metrics.onQueue({ longestRoundMs: 1_500 });
  const text = await metrics.registry.metrics();
  const labels = (code: string) => `{verb="patch",resource="deployments",code="${code}"}`;
  for (const line of [
    `kcg_operator_kube_requests_total${labels('200')} 2`,
    `kcg_operator_kube_requests_total${labels('403')} 1`,
    `kcg_operator_kube_requests_total${labels('none')} 1`,
    'kcg_operator_kube_request_duration_seconds_count{verb="patch"} 4',
    'kcg_operator_watch_lists_total{kind="Pod"} 1',
    'kcg_operator_watch_restarts_total{kind="Pod"} 1',
    'kcg_operator_watch_missed_changes_total{kind="Pod"} 2',
    'kcg_operator_reconciles_total{result="error"} 1',
    'kcg_operator_queue_wait_seconds 0.25',
    'kcg_operator_leading 1',
    'kcg_operator_longest_look_seconds 1.5',
  ]) {
    expect(text.split('\n')).toContain(line);
  }
});

test('a group counts as failing from its first failure to its next success, and to the end of the turn to lead', async () => {
  const clock = new ManualClock();
  const metrics = new OperatorMetrics(clock);
  const look = (key: string, failed: boolean) =>
    metrics.onReconcile({ key, waitedMs: 0, ranMs: 0, failed: false, stuck: failed });
  const failing = async () => {
    const lines = (await metrics.registry.metrics()).split('\n');
    return lines.filter((line) => line.startsWith('kcg_operator_failing_seconds{'));
  };
  look('shop/orders', true);
  look('shop/others', true);
  await clock.advance(60_000);
  look('shop/orders', true);
  look('shop/others', false);
  expect(await failing()).toEqual(['kcg_operator_failing_seconds{group="shop/orders"} 60']);
  metrics.leading(false);
  expect(await failing()).toEqual([]);
});

test('shards are counted by judgement, in no more series than tell something, of groups that are to read, while this operator leads', async () => {
  const metrics = new OperatorMetrics();
  const counted = async () => {
    const lines = (await metrics.registry.metrics()).split('\n');
    return lines.filter((line) => line.startsWith('kcg_operator_shards{'));
  };
  metrics.onJudged(
    'shop/orders',
    new Map([
      ['OK', 3],
      ['Stalled', 1],
    ]),
  );
  metrics.onJudged('shop/others', new Map([['OK', 1]]));
  metrics.onJudged('shop/others', undefined);
  expect(await counted()).toEqual([
    'kcg_operator_shards{group="shop/orders",judgement="OK"} 3',
    'kcg_operator_shards{group="shop/orders",judgement="Stalled"} 1',
  ]);
  metrics.onJudged('shop/orders', new Map([['OK', 4]]));
  expect(await counted()).toEqual([
    'kcg_operator_shards{group="shop/orders",judgement="OK"} 4',
    'kcg_operator_shards{group="shop/orders",judgement="Stalled"} 0',
  ]);
  metrics.onJudged('shop/orders', undefined);
  metrics.onJudged('shop/orders', new Map([['Unknown', 4]]));
  metrics.onJudged('shop/orders', new Map([['OK', 4]]));
  expect(await counted()).toEqual(['kcg_operator_shards{group="shop/orders",judgement="OK"} 4']);
  metrics.onJudged('shop/orders', new Map([['Stopped', 4]]));
  expect(await counted()).toEqual([
    'kcg_operator_shards{group="shop/orders",judgement="OK"} 0',
    'kcg_operator_shards{group="shop/orders",judgement="Stopped"} 4',
  ]);
  metrics.leading(false);
  expect(await counted()).toEqual([]);
});

test('whether each group is Ready is told as its status has it, while this operator leads', async () => {
  const metrics = new OperatorMetrics();
  const group = (name: string, ready?: string): StoredObject => ({
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisConsumerGroup',
    metadata: { namespace: 'shop', name, uid: name, resourceVersion: '1' },
    ...(ready
      ? {
          status: {
            conditions: [
              { type: 'Stalled', status: 'False' },
              { type: 'Ready', status: ready },
            ],
          },
        }
      : {}),
  });
  let groups = [group('orders', 'True'), group('fails', 'False'), group('new')];
  const told = async () => {
    const lines = (await metrics.registry.metrics()).split('\n');
    return lines
      .filter((line) => line.startsWith('kcg_operator_group_condition{'))
      .map((line) => line.replace(/.*group="shop\/(\w+)",type="Ready",status="(\w+)"}/, '$1 $2'));
  };
  metrics.leading(true);
  expect(await told()).toEqual([]);
  metrics.onGroups({ list: () => groups });
  const fails = ['fails True 0', 'fails False 1', 'fails Unknown 0'];
  expect(await told()).toEqual([
    'orders True 1',
    'orders False 0',
    'orders Unknown 0',
    ...fails,
    'new True 0',
    'new False 0',
    'new Unknown 1',
  ]);
  groups = [group('fails', 'False')];
  expect(await told()).toEqual(fails);
  metrics.leading(false);
  expect(await told()).toEqual([]);
});
