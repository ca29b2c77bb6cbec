import { count } from '../../../lib/count.ts';
import { callsHandler, isReading, isShadow } from '../../../api/group.ts';
import type { NewCondition, ReasonOf, Told } from '../../../api/conditions.ts';
import { whyScaledToZero, type GroupFacts } from '../group-facts.ts';
import { describeFailure } from './step-failures.ts';
import { WORKER_CONTAINER } from '../workload/worker-template.ts';

/** The conditions that Ready, Reconciling and Stalled are made of. */
export type Parts = { [T in NewCondition['type']]: Extract<NewCondition, { type: T }> };
type Part = Omit<Parts, 'Ready' | 'Reconciling' | 'Stalled' | 'PositionsImported' | 'Complete'> &
  Partial<Pick<Parts, 'PositionsImported' | 'Complete'>>;

/** Reasons that wait for a person, in the order of cause before effect. */
const FOR_A_PERSON: ReadonlySet<string> = new Set<ReasonOf<'Stalled'>>([
  'RegionUnknown',
  'RoleNotAllowed',
  'StreamNotFound',
  'StreamAccessDenied',
  'ConsumerRefused',
  'TableNotFound',
  'TableGone',
  'TableNotAdopted',
  'TableSchemaMismatch',
  'TableAccessDenied',
  'TableKeyInaccessible',
  'TableLimitReached',
  'ClaimedByOtherResource',
  'ClaimedByOtherCluster',
  'StreamReplaced',
  'RangeReplaced',
  'ClaimAccessDenied',
  'SourceNotFound',
  'SourceEmpty',
  'SourceRefused',
  'SourceAccessDenied',
  'ImportConflict',
  'WorkersAccessDenied',
  'TemplateRejected',
  'RolloutPaused',
  'FieldConflict',
]);

/** What is being made takes at most so long, ms: longer than helm and the like wait. */
const MAKING_MS = 600_000;
/** And what is being removed, as a group that another comes after under a new name: its workers stop first. */
const REMOVING_MS = 120_000;
/** What a new role or policy allows is known everywhere after so long, ms: IAM is eventually consistent. */
const SPREADING_MS = 120_000;

/** What somebody may be doing at the same time, with the same tool, which would give up at the first Stalled; after that nobody is. */
const PATIENCE_MS: Readonly<Record<string, number>> = {
  StreamNotFound: MAKING_MS,
  TableNotFound: MAKING_MS,
  ClaimedByOtherResource: REMOVING_MS,
  StreamAccessDenied: SPREADING_MS,
  TableAccessDenied: SPREADING_MS,
  TableKeyInaccessible: SPREADING_MS,
  ClaimAccessDenied: SPREADING_MS,
  SourceAccessDenied: SPREADING_MS,
} satisfies Partial<Record<ReasonOf<'Stalled'>, number>>;

/** Waited for, as somebody may be at it; if nobody is, it waits for a person from the first moment on. */
export function isAwaited(reason: string): boolean {
  return Object.hasOwn(PATIENCE_MS, reason);
}

/** For how long each condition has been what it is, ms; 0 for one that has just turned. */
export type LastedMs = (part: NonNullable<Part[keyof Part]>) => number;

/** With the words of the first condition, cause before effect, that only a person can change. */
export function stalled(parts: Part, lastedMs: LastedMs): Told<'Stalled'> {
  const { StreamReady, TableReady, GroupClaimed, PositionsImported, WorkersAvailable } = parts;
  const causes = [StreamReady, TableReady, GroupClaimed, PositionsImported, WorkersAvailable];
  const cause = causes.find(
    (part) =>
      part !== undefined &&
      part.status === 'False' &&
      FOR_A_PERSON.has(part.reason) &&
      !(lastedMs(part) < (PATIENCE_MS[part.reason] ?? 0)),
  );
  if (!cause) return { status: 'False', reason: 'NotStalled', message: 'nothing blocks the group for good' };
  return { status: 'True', reason: cause.reason, message: cause.message };
}

/** Stream, table and claim come first. A paused or stopped group is ready once no live worker owns a shard. */
export function ready(parts: Part, facts: GroupFacts): Told<'Ready'> {
  const { StreamReady, TableReady, GroupClaimed, WorkersAvailable, ShardsCovered } = parts;
  const { group, view } = facts;
  const { desiredState } = group.spec;
  // A stopped group has nothing to begin with.
  const imported = desiredState === 'Stopped' ? undefined : parts.PositionsImported;
  const cause = [StreamReady, TableReady, GroupClaimed, imported].find(
    (part) => part !== undefined && part.status !== 'True',
  );
  if (cause) return { status: cause.status, reason: cause.reason, message: cause.message };
  if (desiredState === 'Paused' || desiredState === 'Stopped') {
    const done = view?.ownedShards === 0;
    if (!done) return progressing(`${ShardsCovered.message}; waiting for their hand-over`);
    return { status: 'True', reason: desiredState, message: `desiredState is ${desiredState}` };
  }
  if (parts.Complete?.status === 'True')
    return { status: 'True', reason: 'RangeRead', message: parts.Complete.message };
  if (facts.resetBy !== undefined)
    return progressing(`${facts.resetBy} moves the positions; workers hold still until that is done`);
  if (whyScaledToZero(facts) !== undefined) {
    if (view?.ownedShards !== 0) return progressing(`${ShardsCovered.message}; waiting for their hand-over`);
    return { status: 'True', reason: 'ScaledToZero', message: ShardsCovered.message };
  }
  if (ShardsCovered.status !== 'True') {
    const { HandlerHealthy } = parts;
    if (view?.handlerTrouble?.shards === 0 && HandlerHealthy.status === 'False')
      return { status: 'False', reason: HandlerHealthy.reason, message: HandlerHealthy.message };
    const starting = countStarting(facts);
    // Workers that go on after a pause, or have just begun, take up the shards in a moment.
    if (starting > 0 && WorkersAvailable.status !== 'False')
      return progressing(`${ShardsCovered.message}; ${count(starting, 'worker')} about to take some`);
    // Shards without an owner are the effect; pods that do not run are the cause.
    const why = WorkersAvailable.status === 'False' ? WorkersAvailable : ShardsCovered;
    return { status: why.status, reason: why.reason, message: why.message };
  }
  const down = withoutProcess(facts);
  if (down) {
    const reason = WorkersAvailable.reason === 'CrashLooping' ? 'CrashLooping' : 'ContainerNotReady';
    return { status: 'False', reason, message: down };
  }
  // Where some shards go on, the group does part of its work, and the condition tells which part it does not.
  const { HandlerHealthy } = parts;
  if (HandlerHealthy.status === 'False' && view!.handlerTrouble!.shards >= view!.ownedShards)
    return { status: 'False', reason: HandlerHealthy.reason, message: HandlerHealthy.message };
  if (isShadow(group)) {
    const handed = callsHandler(group)
      ? 'the handler is harmless and gets the records'
      : 'nothing is handed to the handler';
    const message = `${ShardsCovered.message}; ${handed}`;
    return { status: 'True', reason: 'Shadow', message };
  }
  return { status: 'True', reason: 'Available', message: ShardsCovered.message };
}

function progressing(message: string): Told<'Ready'> {
  return { status: 'False', reason: 'Progressing', message };
}

function countStarting({ view }: GroupFacts): number {
  return view?.workers.filter(({ row }) => row.state === 'starting').length ?? 0;
}

/** A worker lives on beside an app that has ended, and owns shards whose records nobody takes. */
function withoutProcess({ view, group }: GroupFacts): string | undefined {
  const { http, module, lambda } = group.spec.handler;
  const container = (callsHandler(group) && (http ?? module ?? lambda)?.container) || WORKER_CONTAINER;
  const idle = view?.workers.filter(
    ({ alive, shards, pod }) => alive && shards > 0 && pod?.down.includes(container),
  );
  const [first] = idle ?? [];
  if (!first) return undefined;
  const shards = idle!.reduce((sum, worker) => sum + worker.shards, 0);
  const { trouble } = first.pod!;
  const why = trouble && trouble.container === container ? `: ${trouble.message}` : '';
  return `the records of ${shards} of ${count(view!.readableShards, 'shard')} are not taken: container ${container} of pod ${first.worker} has no process${why}`;
}

/** `False` while `stalled` says `True`, or nothing is under way. A step that is retried counts as under way. */
export function reconciling(parts: Part, facts: GroupFacts, lastedMs: LastedMs): Told<'Reconciling'> {
  const blocked = stalled(parts, lastedMs);
  if (blocked.status === 'True') return { status: 'False', reason: 'Blocked', message: blocked.message };
  const step = stepUnderWay(parts, facts);
  if (step) return { status: 'True', ...step };
  const { status, message } = ready(parts, facts);
  if (status !== 'True') return { status: 'True', reason: 'Waiting', message };
  return { status: 'False', reason: 'UpToDate', message: 'everything is as the spec wants it' };
}

function stepUnderWay(
  { TableReady, StreamReady, WorkersAvailable, ShardsCovered }: Part,
  { workload, view, group, stream, scaling, failures }: GroupFacts,
): Omit<Told<'Reconciling'>, 'status'> | undefined {
  if (TableReady.reason === 'TableCreating' || TableReady.reason === 'TableUpdating') {
    return { reason: 'Provisioning', message: TableReady.message };
  }
  if (StreamReady.reason === 'ConsumerCreating')
    return { reason: 'Provisioning', message: StreamReady.message };
  const retried = [StreamReady, TableReady].find(({ status }) => status !== 'True');
  if (retried) return { reason: 'Retrying', message: retried.message };
  const [failure] = failures;
  if (failure) return { reason: 'Retrying', message: describeFailure(failure) };
  const { deployment, problem } = workload;
  if (problem?.reason === 'WorkersStarting') return { reason: 'RollingOut', message: problem.message };
  const desired = scaling?.replicas ?? 0;
  if (deployment && !problem) {
    const { observed, updated, total, replicas } = deployment;
    if (!observed || updated < replicas || total !== desired || WorkersAvailable.status === 'False') {
      return { reason: 'RollingOut', message: WorkersAvailable.message };
    }
  }
  const moving = view && stream.shards ? view.readableShards - view.ownedShards + handingOff(view) : 0;
  if (moving > 0 && isReading(group) && desired > 0 && !problem) {
    return { reason: 'HandingOver', message: ShardsCovered.message };
  }
  return undefined;
}

/** Number of shards whose owner is draining. */
export function handingOff(view: NonNullable<GroupFacts['view']>): number {
  return view.shards.filter(({ state }) => state === 'handing-off').length;
}
