import { describe, expect, test } from 'vitest';
import { groupStatus } from '../../../../src/api/group-status.ts';
import { KcgError } from '../../../../src/lib/errors.ts';
import { computeStatus } from '../../../../src/operator/plan/status/compute-status.ts';
import type { GroupFacts } from '../../../../src/operator/plan/group-facts.ts';
import { groupView } from '../../../../src/view/group-view.ts';
import { aLease, aWorker } from '../../../support/builders.ts';
import { aGroup, aView, DEPLOYMENT, facts, NOW, POD, SHARD, statusOf } from './status-facts.ts';

const { stream, scaling: aScaling } = facts();
const trouble = (reason: string) => [
  { ...POD, ready: false, trouble: { container: 'app', reason, message: 'm' } },
];
const down = { deployment: { ...DEPLOYMENT, ready: 0 }, problem: undefined };
const rolling = { deployment: { ...DEPLOYMENT, total: 2, updated: 1 }, problem: undefined };
const orphaned = { worker: { state: 'dead' as const } };
const cannotBegin = {
  worker: {
    state: 'starting',
    handlerTrouble: { shards: 0, error: 'the function cannot begin: ImportError' },
  },
  lease: { owner: undefined },
} as const;
const unsent = {
  worker: { handlerTrouble: { shards: 1, error: 'sqs:SendMessage denied', destination: true } },
};
const failing = { worker: { handlerTrouble: { shards: 1, error: 'the handler answered 500' } } };
const error = (code: KcgError['code']) => ({ ...stream, error: new KcgError(code, 'it failed') });

describe('conditions', () => {
  test.each<[string, string, Partial<GroupFacts>, string]>([
    ['Ready', 'all is well', {}, 'True Available'],
    [
      'Ready',
      'the stream is gone',
      { stream: { summary: undefined, shards: undefined, error: new KcgError('NotFound', 'x') } },
      'False StreamNotFound',
    ],
    ['Ready', 'the stream cannot be reached for a while', { stream: error('Unavailable') }, 'True Available'],
    [
      'Ready',
      'the stream may not be described any more',
      { stream: error('AccessDenied') },
      'False StreamAccessDenied',
    ],
    [
      'Ready',
      'pods fail and shards have no owner',
      { workload: down, view: aView({ ...orphaned, pods: trouble('CrashLoopBackOff') }) },
      'False CrashLooping',
    ],
    [
      'Ready',
      'a pod fails, but others read its shards',
      { workload: down, view: aView({ pods: trouble('CrashLoopBackOff') }) },
      'True Available',
    ],
    [
      'Ready',
      'paused and quiet',
      { group: aGroup({ desiredState: 'Paused' }), view: aView({ lease: { owner: undefined } }) },
      'True Paused',
    ],
    ['Ready', 'paused, not yet quiet', { group: aGroup({ desiredState: 'Paused' }) }, 'False Progressing'],
    [
      'StreamReady',
      'never reached',
      { stream: { summary: undefined, shards: undefined, error: new KcgError('Timeout', 'x') } },
      'Unknown StreamUnreachable',
    ],
    [
      'StreamReady',
      'being deleted',
      { stream: { ...stream, summary: { ...stream.summary!, status: 'DELETING' } } },
      'False StreamNotActive',
    ],
    [
      'StreamReady',
      'being resharded',
      { stream: { ...stream, summary: { ...stream.summary!, status: 'UPDATING' } } },
      'True StreamActive',
    ],
    [
      'WorkersAvailable',
      'an image that is not there',
      { workload: down, view: aView({ pods: trouble('ErrImagePull') }) },
      'False ImagePullFailing',
    ],
    [
      'WorkersAvailable',
      'no room',
      { workload: down, view: aView({ pods: trouble('Unschedulable') }) },
      'False Unschedulable',
    ],
    [
      'WorkersAvailable',
      'no room, and none came within the deadline of the Deployment',
      {
        workload: { ...down, deployment: { ...down.deployment, stuck: true } },
        view: aView({ pods: trouble('Unschedulable') }),
      },
      'False RolloutStuck',
    ],
    [
      'WorkersAvailable',
      'a rollout is paused',
      { workload: { deployment: { ...DEPLOYMENT, updated: 0, paused: true }, problem: undefined } },
      'False RolloutPaused',
    ],
    [
      'WorkersAvailable',
      'a rollout is paused that is done',
      { workload: { deployment: { ...DEPLOYMENT, paused: true }, problem: undefined } },
      'True MinimumAvailable',
    ],
    ['WorkersAvailable', 'a rollout goes its way', { workload: rolling }, 'True MinimumAvailable'],
    [
      'WorkersAvailable',
      'new pods fail while the old ones do the work',
      { workload: rolling, view: aView({ pods: [POD, ...trouble('ImagePullBackOff')] }) },
      'False ImagePullFailing',
    ],
    [
      'WorkersAvailable',
      'a pod on its way out fails',
      {
        workload: rolling,
        view: aView({ pods: trouble('CrashLoopBackOff').map((pod) => ({ ...pod, terminating: true })) }),
      },
      'True MinimumAvailable',
    ],
    [
      'WorkersAvailable',
      'new pods are above the quota',
      {
        workload: { ...rolling, deployment: { ...rolling.deployment, failure: 'exceeded quota: team' } },
      },
      'False QuotaExceeded',
    ],
    [
      'WorkersAvailable',
      'nobody can say why new pods do not come up',
      { workload: { ...rolling, deployment: { ...rolling.deployment, stuck: true } } },
      'False RolloutStuck',
    ],
    [
      'WorkersAvailable',
      'a container is not ready for long',
      { workload: down, view: aView({ pods: trouble('ContainerNotReady') }) },
      'False ContainerNotReady',
    ],
    [
      'WorkersAvailable',
      'none wanted',
      { scaling: { ...facts().scaling!, replicas: 0 } },
      'True NoWorkersWanted',
    ],
    ['ShardsCovered', 'no worker lives', { view: aView(orphaned) }, 'False NoLiveWorkers'],
    ['ShardsCovered', 'a worker drains', { view: aView({ worker: { state: 'draining' } }) }, 'True AllOwned'],
    ['ShardsCovered', 'nothing is known', { view: undefined }, 'Unknown ShardsUnknown'],
    [
      'LagWithinTarget',
      'slow for its retention',
      { view: aView({ worker: { lagging: { [SHARD.shardId]: 13 * 3_600_000 } } }) },
      'False LagExceeded',
    ],
    [
      'CheckpointsAtRisk',
      'little retention left',
      { view: aView({ worker: { lagging: { [SHARD.shardId]: 20 * 3_600_000 } } }) },
      'True NearRetention',
    ],
    [
      'CheckpointsAtRisk',
      'records expired',
      { view: aView({ ...orphaned, lease: { behindMs: 1, readAt: NOW - 25 * 3_600_000 } }) },
      'True LostToRetention',
    ],
    [
      'CheckpointsAtRisk',
      'silent for longer than the retention',
      { view: aView({ ...orphaned, lease: { behindMs: 0, readAt: NOW - 25 * 3_600_000 } }) },
      'True NearRetention',
    ],
    ['CheckpointsAtRisk', 'live rows that expire', { expiringShards: ['s'] }, 'True TtlOnLiveRows'],
    ['HandlerHealthy', 'nothing fails', {}, 'True HandlerSucceeds'],
    ['HandlerHealthy', 'nobody lives', { view: aView(orphaned) }, 'Unknown HandlerUnknown'],
    ['HandlerHealthy', 'it fails', { view: aView(failing) }, 'False HandlerFailing'],
    ['Ready', 'the handler fails on every shard', { view: aView(failing) }, 'False HandlerFailing'],
    ['HandlerHealthy', 'onFailure is out of reach', { view: aView(unsent) }, 'False DestinationFailing'],
    ['Ready', 'all shards wait for onFailure', { view: aView(unsent) }, 'False DestinationFailing'],
    ['HandlerHealthy', 'it cannot begin', { view: aView(cannotBegin) }, 'False HandlerFailing'],
    ['Ready', 'the handler cannot begin', { view: aView(cannotBegin) }, 'False HandlerFailing'],
    ['Stalled', 'the handler fails on every shard', { view: aView(failing) }, 'False NotStalled'],
    ['Reconciling', 'nothing to do', {}, 'False UpToDate'],
    [
      'Reconciling',
      'a rollout',
      { workload: { deployment: { ...DEPLOYMENT, updated: 0 }, problem: undefined } },
      'True RollingOut',
    ],
    [
      'Reconciling',
      'shards on their way',
      { view: aView({ worker: { state: 'draining' } }) },
      'True HandingOver',
    ],
    [
      'Stalled',
      'a claim of others',
      { claim: { verdict: 'refused', reason: 'ClaimedByOtherCluster', message: 'm' } },
      'True ClaimedByOtherCluster',
    ],
    ['Stalled', 'AWS is away', { stream: error('Unavailable') }, 'False NotStalled'],
    [
      'ScalingLimited',
      'at the maximum',
      { scaling: { ...facts().scaling!, limitedBy: 'MaxReplicas' } },
      'True MaxReplicas',
    ],
  ])('%s when %s', (type, _, change, expected) => {
    expect(told(type, change)).toBe(expected);
  });

  test.each([
    ['pods "w" is forbidden: violates PodSecurity "restricted:latest"', 'TemplateRejected'],
    ['Pod "w" is invalid: spec.containers[0].image: Required value', 'TemplateRejected'],
    ['admission webhook "policy" denied the request: no limits', 'TemplateRejected'],
    ['pods "w" is forbidden: exceeded quota: team, requested: pods=1', 'QuotaExceeded'],
    ['Internal error occurred: failed calling webhook "policy": context deadline exceeded', 'ApplyFailed'],
    ['etcdserver: request timed out', 'ApplyFailed'],
    [
      'pods "w" is forbidden: error looking up service account shop/app: serviceaccount "app" not found',
      'ApplyFailed',
    ],
    [
      'pods "w" is forbidden: unable to create new content in namespace shop because it is being terminated',
      'ApplyFailed',
    ],
    ['whatever comes later', 'ApplyFailed'],
  ])('of pods that could not be created: %s', (failure, reason) => {
    const change = { workload: { deployment: { ...DEPLOYMENT, ready: 0, failure }, problem: undefined } };
    expect(told('WorkersAvailable', change)).toBe(`False ${reason}`);
    const isFinal = reason === 'TemplateRejected';
    expect(told('Stalled', change)).toBe(isFinal ? `True ${reason}` : 'False NotStalled');
    expect(told('Reconciling', change)).toBe(isFinal ? 'False Blocked' : 'True RollingOut');
  });

  test.each<[string, Partial<GroupFacts>, string]>([
    ['a pause is under way', { group: aGroup({ desiredState: 'Paused' }) }, 'True Waiting'],
    ['the claim is not known', { claim: undefined }, 'True Waiting'],
    [
      'no worker lives',
      { view: aView(orphaned), workload: { deployment: undefined, problem: undefined } },
      'True HandingOver',
    ],
    [
      'there are none on purpose, and one has shards still',
      { scaling: { ...aScaling!, replicas: 0 }, workload: { deployment: undefined, problem: undefined } },
      'True Waiting',
    ],
  ])('never say that all is done while the group is not ready: %s', (_, change, expected) => {
    expect(told('Ready', change)).not.toMatch(/^True/);
    expect(told('Reconciling', change)).toBe(expected);
  });

  test('of a group scaled to zero say that all is well, whatever nobody reads', () => {
    const scaling = { ...aScaling!, replicas: 0, reason: '0 workers are asked for' };
    const change = {
      scaling,
      view: aView(orphaned),
      workload: { deployment: undefined, problem: undefined },
    };
    expect(told('Ready', change)).toBe('True ScaledToZero');
    expect(told('Reconciling', change)).toBe('False UpToDate');
    expect(told('ShardsCovered', change)).toBe('False NotConsuming');
    expect(told('ShardsProgressing', change)).toBe('Unknown NotConsuming');
    expect(told('Ready', { ...change, scaling: { ...scaling, limitedBy: 'UnknownShards' } })).toBe(
      'False NoLiveWorkers',
    );
  });

  test('of workers that may own no more shards', () => {
    const leases = ['shardId-0', 'shardId-1'].map((shardId, i) =>
      aLease({ shardId, owner: i === 0 ? 'w/a' : undefined }),
    );
    const workers = [aWorker({ worker: 'w', incarnation: 'a', maxLeases: 1 })];
    const rows = { leases, workers, claim: undefined };
    const view = groupView({ rows, shards: undefined, pods: [POD], retentionHours: 24, nowMs: NOW });
    expect(statusOf({ view }).conditions?.find(({ type }) => type === 'ShardsCovered')?.message).toBe(
      '1 of 2 shards owned by a live worker; not shardId-1: 1 worker has as many as leases.maxPerWorker allows',
    );
  });

  test('of an app without a process', () => {
    const change = {
      group: aGroup({
        handler: { http: { container: 'app', port: 80 } },
        template: { spec: { containers: [{ name: 'app' }] } },
      }),
      workload: down,
      view: aView({ pods: [{ ...POD, ready: false, down: ['app'] }] }),
    };
    expect(told('Ready', change)).toBe('False ContainerNotReady');
    expect(told('ShardsCovered', change)).toBe('True AllOwned');
    const sidecar = { ...change, view: aView({ pods: [{ ...POD, ready: false, down: ['proxy'] }] }) };
    expect(told('Ready', sidecar)).toBe('True Available');
  });

  test('of a handler that fails on some shards, which leaves the group ready', () => {
    const leases = ['shardId-0', 'shardId-1'].map((shardId) => aLease({ shardId, owner: 'w/a' }));
    const workers = [aWorker({ worker: 'w', incarnation: 'a', ...failing.worker })];
    const rows = { leases, workers, claim: undefined };
    const view = groupView({ rows, shards: undefined, pods: [], retentionHours: 24, nowMs: NOW });
    expect(told('Ready', { view })).toBe('True Available');
    const message = statusOf({ view }).conditions?.find(({ type }) => type === 'HandlerHealthy')?.message;
    expect(message).toBe('the handler fails on 1 of 2 shards; worker w: the handler answered 500');
  });

  test('of workers that go on after a pause', () => {
    const change = { view: aView({ lease: { owner: undefined }, worker: { state: 'starting' } }) };
    expect(told('Ready', change)).toBe('False Progressing');
  });

  test.each<[string, number, Partial<GroupFacts>]>([
    [
      'a stream to be made',
      600_000,
      { stream: { summary: undefined, shards: undefined, error: new KcgError('NotFound', 'x') } },
    ],
    [
      'a table to be made',
      600_000,
      { table: { ...facts().table!, status: 'False', reason: 'TableNotFound' } },
    ],
    [
      'the group that had the id to go',
      120_000,
      { claim: { verdict: 'refused', reason: 'ClaimedByOtherResource', message: 'm' } },
    ],
    ['a new policy to spread, of the stream', 120_000, { stream: error('AccessDenied') }],
    [
      '… of the table',
      120_000,
      { table: { ...facts().table!, status: 'False', reason: 'TableAccessDenied' } },
    ],
    [
      '… of its key',
      120_000,
      { table: { ...facts().table!, status: 'False', reason: 'TableKeyInaccessible' } },
    ],
    [
      '… of its rows',
      120_000,
      { failures: [{ step: 'claim', error: new KcgError('AccessDenied', 'may not write') }] },
    ],
  ])('wait for %s, %i ms, before they call for somebody', (_, patienceMs, change) => {
    const first = statusOf(change);
    const at = (nowMs: number) => {
      const { conditions } = computeStatus(facts(change), { previous: first, nowMs, positions: 'keep' });
      return ['Stalled', 'Reconciling'].map((name) => conditions?.find(({ type }) => type === name)?.status);
    };
    expect(at(NOW)).toEqual(['False', 'True']);
    expect(at(NOW + patienceMs - 1_000)).toEqual(['False', 'True']);
    expect(at(NOW + patienceMs)).toEqual(['True', 'False']);
  });

  test('keep the time at which they turned', () => {
    const first = statusOf();
    const later = computeStatus(facts({ view: aView(orphaned) }), {
      previous: first,
      nowMs: NOW + 60_000,
      positions: 'keep',
    });
    const time = (type: string) =>
      later.conditions?.find((condition) => condition.type === type)?.lastTransitionTime;
    expect(time('Ready')).toBe('2026-11-23T12:01:00Z');
    expect(time('StreamReady')).toBe('2026-11-23T12:00:00Z');
  });
});

describe('the status', () => {
  test('fits its own schema, whatever the size of the group', () => {
    const leases = Array.from({ length: 200 }, (_, index) =>
      aLease({
        shardId: `shardId-${String(index).padStart(12, '0')}`,
        owner: `w${index}/a`,
        behindMs: index * 1000,
        readAt: NOW,
      }),
    );
    const workers = leases.map((_, index) =>
      aWorker({ worker: `w${index}`, incarnation: 'a', lagging: { [leases[index]!.shardId]: index * 1000 } }),
    );
    const rows = { leases, workers, claim: undefined };
    const view = groupView({ rows, shards: undefined, pods: [], retentionHours: 24, nowMs: NOW });
    const status = statusOf({ view });
    expect(groupStatus.safeParse(status).error).toBeUndefined();
    expect(status.shards).toHaveLength(50);
    expect(status.shards?.[0]).toMatchObject({ shardId: 'shardId-000000000181', lagSeconds: 240 });
    expect(JSON.stringify(status).length).toBeLessThan(20_000);
  });

  test('has no lag where nothing is known of it', () => {
    const rows = { leases: [aLease({ checkpoint: { at: 'SHARD_END' } })], workers: [], claim: undefined };
    const view = groupView({ rows, shards: undefined, pods: [], retentionHours: undefined, nowMs: NOW });
    expect(statusOf({ view })).not.toHaveProperty('lag');
  });

  test('lends the old positions when they alone have moved', () => {
    const at = (sequence: string, ts: number) =>
      aView({ lease: { checkpoint: { at: 'SEQUENCE', sequence }, checkpointedAt: ts } });
    const first = statusOf({ view: at('1', NOW) });
    const kept = computeStatus(facts({ view: at('2', NOW + 5_000) }), {
      previous: first,
      nowMs: NOW + 5_000,
      positions: 'keep',
    });
    expect(kept).toEqual(first);
    const fresh = computeStatus(facts({ view: at('2', NOW + 5_000) }), {
      previous: first,
      nowMs: NOW + 5_000,
      positions: 'refresh',
    });
    expect(fresh.shards?.[0]).toMatchObject({ checkpoint: '2', checkpointTime: '2026-11-23T12:00:05Z' });
  });
});

function told(type: string, change: Partial<GroupFacts> = {}): string | undefined {
  const found = statusOf(change).conditions?.find((condition) => condition.type === type);
  return found && `${found.status} ${found.reason}`;
}
