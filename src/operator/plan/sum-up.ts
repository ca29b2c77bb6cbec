import type { NewCondition, ReasonOf } from '../../api/conditions.ts';
import type { GroupFacts } from './group-facts.ts';
import { describeFailure } from './step-failures.ts';

/** The conditions that Ready, Reconciling and Stalled are made of. */
export type Parts = { [T in NewCondition['type']]: Extract<NewCondition, { type: T }> };
type Part = Omit<Parts, 'Ready' | 'Reconciling' | 'Stalled'>;
type Told<T extends NewCondition['type']> = Pick<Parts[T], 'status' | 'reason' | 'message'>;

/** Reasons that wait for a person, in the order of cause before effect. */
const FOR_A_PERSON: ReadonlySet<string> = new Set<ReasonOf<'Stalled'>>([
  'RegionUnknown',
  'StreamNotFound',
  'StreamAccessDenied',
  'TableNotFound',
  'TableGone',
  'TableNotAdopted',
  'TableSchemaMismatch',
  'TableAccessDenied',
  'TableKeyInaccessible',
  'ClaimedByOtherResource',
  'ClaimedByOtherCluster',
  'StreamReplaced',
  'ClaimAccessDenied',
  'WorkersAccessDenied',
  'TemplateRejected',
  'FieldConflict',
]);

/** With the words of the first condition, cause before effect, that only a person can change. */
export function stalled(parts: Part): Told<'Stalled'> {
  const causes = [parts.StreamReady, parts.TableReady, parts.GroupClaimed, parts.WorkersAvailable];
  const cause = causes.find(({ status, reason }) => status === 'False' && FOR_A_PERSON.has(reason));
  if (!cause) return { status: 'False', reason: 'NotStalled', message: 'nothing blocks the group for good' };
  return { status: 'True', reason: cause.reason, message: cause.message };
}

/** Stream, table and claim come first. A paused or stopped group is ready once no live worker owns a shard. */
export function ready(parts: Part, { group, view }: GroupFacts): Told<'Ready'> {
  const { StreamReady, TableReady, GroupClaimed, WorkersAvailable, ShardsCovered } = parts;
  const cause = [StreamReady, TableReady, GroupClaimed].find(({ status }) => status !== 'True');
  if (cause) return { status: cause.status, reason: cause.reason, message: cause.message };
  const { desiredState } = group.spec;
  if (desiredState !== 'Running') {
    const done = view?.ownedShards === 0;
    if (!done)
      return {
        status: 'False',
        reason: 'Progressing',
        message: `${ShardsCovered.message}; waiting for their hand-over`,
      };
    return { status: 'True', reason: desiredState, message: `desiredState is ${desiredState}` };
  }
  if (ShardsCovered.status === 'True')
    return { status: 'True', reason: 'Available', message: ShardsCovered.message };
  // Shards without an owner are the effect; pods that do not run are the cause.
  const why = WorkersAvailable.status === 'False' ? WorkersAvailable : ShardsCovered;
  return { status: why.status, reason: why.reason, message: why.message };
}

/** `False` while `stalled` says `True`: nothing is under way then. A step that is retried counts as under way. */
export function reconciling(
  parts: Part,
  { workload, view, group, stream, scaling, failures }: GroupFacts,
): Told<'Reconciling'> {
  const { TableReady, StreamReady, WorkersAvailable } = parts;
  const blocked = stalled(parts);
  if (blocked.status === 'True') return { status: 'False', reason: 'Blocked', message: blocked.message };
  if (TableReady.reason === 'TableCreating' || TableReady.reason === 'TableUpdating') {
    return { status: 'True', reason: 'Provisioning', message: TableReady.message };
  }
  const retried = [StreamReady, TableReady].find(({ status }) => status !== 'True');
  if (retried) return { status: 'True', reason: 'Retrying', message: retried.message };
  const [failure] = failures;
  if (failure) return { status: 'True', reason: 'Retrying', message: describeFailure(failure) };
  const { deployment, problem } = workload;
  if (problem?.reason === 'WorkersStarting')
    return { status: 'True', reason: 'RollingOut', message: problem.message };
  const desired = scaling?.replicas ?? 0;
  if (deployment && !problem) {
    const { observed, updated, total, replicas } = deployment;
    if (!observed || updated < replicas || total !== desired || WorkersAvailable.status === 'False') {
      return { status: 'True', reason: 'RollingOut', message: WorkersAvailable.message };
    }
  }
  const moving = view && stream.shards ? view.readableShards - view.ownedShards + handingOff(view) : 0;
  if (moving > 0 && group.spec.desiredState === 'Running' && desired > 0 && !problem) {
    return { status: 'True', reason: 'HandingOver', message: parts.ShardsCovered.message };
  }
  return { status: 'False', reason: 'UpToDate', message: 'everything is as the spec wants it' };
}

/** Number of shards whose owner is draining. */
export function handingOff(view: NonNullable<GroupFacts['view']>): number {
  return view.shards.filter(({ state }) => state === 'handing-off').length;
}
