import type { GroupStatus } from '../../../../src/api/group-status.ts';
import { parseGroup, type KinesisConsumerGroup } from '../../../../src/api/group.ts';
import { computeStatus } from '../../../../src/operator/plan/status/compute-status.ts';
import type { DeploymentFacts, GroupFacts } from '../../../../src/operator/plan/group-facts.ts';
import { groupView, type GroupView, type PodView } from '../../../../src/view/group-view.ts';
import { aLease, aWorker } from '../../../support/builders.ts';
import { groupObject } from '../../reconcile-harness.ts';

export const NOW = Date.UTC(2026, 10, 23, 12);
export const SHARD = { shardId: 'shardId-000000000000', hashStart: '0', hashEnd: '9', startingSequence: '1' };
export const POD: PodView = {
  name: 'w',
  uid: 'u',
  node: undefined,
  phase: 'Running',
  ready: true,
  terminating: false,
  trouble: undefined,
  down: [],
  restarts: 0,
};
export const DEPLOYMENT: DeploymentFacts = {
  replicas: 1,
  updated: 1,
  ready: 1,
  total: 1,
  observed: true,
  paused: false,
  failure: undefined,
  stuck: false,
};

export function aGroup(spec: Record<string, unknown> = {}): KinesisConsumerGroup {
  const parsed = parseGroup(groupObject(spec, { generation: 3 }));
  if (parsed.outcome !== 'ok') throw new Error(parsed.problems.join());
  return parsed.group;
}

export function aView(
  change: {
    lease?: Parameters<typeof aLease>[0];
    worker?: Parameters<typeof aWorker>[0];
    pods?: PodView[];
  } = {},
): GroupView {
  const leases = [aLease({ ...SHARD, owner: 'w/a', epoch: NOW / 1000, ...change.lease })];
  const workers = [aWorker({ worker: 'w', incarnation: 'a', ...change.worker })];
  const rows = { leases, workers, claim: undefined };
  return groupView({ rows, shards: [SHARD], pods: change.pods ?? [POD], retentionHours: 24, nowMs: NOW });
}

export function facts(change: Partial<GroupFacts> = {}): GroupFacts {
  return {
    group: aGroup(),
    groupId: 'shop.orders',
    region: 'eu-west-1',
    stream: {
      summary: {
        name: 'orders',
        arn: 'arn:s',
        status: 'ACTIVE',
        createdAt: 1,
        retentionHours: 24,
        openShards: 1,
        mode: 'PROVISIONED',
        keysPlaceRecords: true,
      },
      shards: [SHARD],
      error: undefined,
    },
    table: { status: 'True', reason: 'TableActive', message: 'ok', usable: true, info: { name: 't' } },
    consumer: undefined,
    claim: { verdict: 'ours' },
    imported: 'none',
    workload: { deployment: DEPLOYMENT, problem: undefined },
    view: aView(),
    expiringShards: [],
    scaling: { replicas: 1, reason: 'one shard', limitedBy: undefined, window: [], againInMs: undefined },
    failures: [],
    lastScale: undefined,
    lastFailover: undefined,
    ...change,
  };
}

export function statusOf(change: Partial<GroupFacts> = {}, previous?: GroupStatus): GroupStatus {
  return computeStatus(facts(change), { previous, nowMs: NOW, positions: 'refresh' });
}
