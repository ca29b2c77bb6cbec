import type { KinesisConsumerGroup } from '../../api/group.ts';
import type { Check } from '../../cli/checks.ts';
import type { StreamSummary } from '../../kinesis/stream-client.ts';
import { tellGone } from '../../kinesis/tell-gone.ts';
import { count } from '../../lib/count.ts';
import { replicasBySpec } from '../../operator/plan/scaling/replicas-by-spec.ts';
import type { DesiredTable } from '../../table/desired-table.ts';
import { asMade, describeNew } from '../../table/new-table.ts';
import { planTable, type TablePlan } from '../../table/plan-table.ts';
import type { ObservedTable } from '../../table/table-admin.ts';
import { describeChange } from '../../table/table-changes.ts';

/** What the operator would do with the table, each setting in the words of the spec. */
export function tablePlan(
  desired: DesiredTable,
  observed: ObservedTable | undefined,
  plan: TablePlan,
): string {
  const changes = (of: ObservedTable, { steps, later = [] }: TablePlan) =>
    [...steps, ...later].map((step) => describeChange(step, of)).join(', ');
  if (observed) {
    const would = changes(observed, plan);
    return `${desired.name} is ${observed.status}${would === '' ? ', and as the group asks for' : `; the operator would change ${would}`}`;
  }
  const makes = `${desired.name} does not exist; the operator makes it`;
  const [first] = plan.steps;
  if (first?.do !== 'create') return makes;
  const made = asMade(desired.name, first.table);
  return `${makes}: ${describeNew(first.table)}, then ${changes(made, planTable(desired, made))}`;
}

/** How many workers the group comes to, and why. */
export function workersCheck(group: KinesisConsumerGroup, openShards: number, nowMs: number): Check {
  const what = 'workers';
  const [least, most] = replicasBySpec(group, openShards, nowMs);
  const workers = count(most.replicas, 'worker');
  const owned = most.replicas * (group.spec.leases.maxPerWorker ?? Infinity);
  if (most.replicas > 0 && owned < openShards) {
    return {
      result: 'warning',
      what,
      found: `it comes to ${workers}, which may own ${count(owned, 'shard')} of ${openShards}, as leases.maxPerWorker says: nobody reads the others`,
      next: 'Raise leases.maxPerWorker or the number of workers (scaling.maxReplicas, or replicas).',
    };
  }
  if (least.replicas < most.replicas) {
    const who = group.spec.scaling.mode === 'Lag' ? 'lag' : 'whoever scales it';
    return { result: 'ok', what, found: `it comes to ${least.replicas} to ${workers}, as ${who} asks for` };
  }
  const limit = least.limitedBy === undefined ? '' : `, limited by ${least.limitedBy}`;
  return { result: 'ok', what, found: `it comes to ${workers}${limit}: ${least.reason}` };
}

/** What of its range is gone already; none where nothing is. */
export function rangeChecks(
  { spec: { range } }: Pick<KinesisConsumerGroup, 'spec'>,
  stream: Pick<StreamSummary, 'createdAt' | 'retentionHours'>,
  nowMs: number,
): Check[] {
  const found = range && tellGone(Date.parse(range.from), stream, { nowMs });
  if (found === undefined) return [];
  return [{ result: 'warning', what: 'range', found }];
}
