import type { ConditionType, ReasonOf } from '../../../api/conditions.ts';
import type { EventReason } from '../../../api/events.ts';
import type { GroupStatus } from '../../../api/group-status.ts';
import type { EventInput } from '../../../kubernetes/cluster.ts';

type Conditions = NonNullable<GroupStatus['conditions']>;
export type PlannedEvent = Omit<EventInput, 'regarding' | 'reason'> & { reason: EventReason };

/** What people are told when a condition turns, or stays bad for another reason. */
export function conditionEvents(before: Conditions, after: Conditions): PlannedEvent[] {
  const turned = (type: string) => {
    const old = before.find((condition) => condition.type === type);
    const now = after.find((condition) => condition.type === type);
    return now && (old?.status !== now.status || old.reason !== now.reason) ? { old, now } : undefined;
  };
  const events: PlannedEvent[] = [];
  const ready = turned('Ready');
  if (ready?.now.status === 'True') events.push(event('Normal', ready.now));
  if (ready && ready.now.status !== 'True' && isAlarm(ready)) events.push(event('Warning', ready.now));
  const stalled = turned('Stalled');
  if (stalled?.now.status === 'True') events.push(event('Warning', stalled.now));
  const handler = turned('HandlerHealthy');
  if (handler?.now.status === 'False') events.push(event('Warning', handler.now));
  const progress = turned('ShardsProgressing');
  if (progress && isBadProgress(progress)) events.push(event('Warning', progress.now));
  const risk = turned('CheckpointsAtRisk');
  if (risk?.now.status === 'True') events.push(event('Warning', risk.now));
  const known = new Set<string>();
  return events.filter(({ reason }) => !known.has(reason) && known.add(reason));
}

/** That nobody has read yet what is about to be read is none. */
function isBadProgress({
  old,
  now,
}: {
  old: Conditions[number] | undefined;
  now: Conditions[number];
}): boolean {
  if (now.reason === 'ShardsStopped') return old?.status === 'True';
  return now.status === 'False' || now.reason === 'ShardsSlow';
}

/** Not to be ready on the way to what was asked for is none, unless it was there already. */
function isAlarm({ old, now }: { old: Conditions[number] | undefined; now: Conditions[number] }): boolean {
  if (!ON_THE_WAY.has(now.reason)) return true;
  return old?.status === 'True' && !RESTING.has(old.reason) && !ASKED_FOR.has(now.reason);
}

const ON_THE_WAY: ReadonlySet<string> = new Set<ReasonOf<'Ready'>>([
  'StreamUnknown',
  'StreamNotActive',
  'ConsumerCreating',
  'TableUnknown',
  'TableCreating',
  'TableUpdating',
  'ClaimUnknown',
  'ImportUnknown',
  'ImportWaiting',
  'ImportWriting',
  'WorkersStarting',
  'ShardsUnknown',
  'NoLiveWorkers',
  'UnownedShards',
  'Progressing',
]);
/** Whatever it was before, and only for a moment. */
const ASKED_FOR: ReadonlySet<string> = new Set<ReasonOf<'Ready'>>(['Progressing', 'ConsumerCreating']);
/** Ready, with nothing that reads. */
const RESTING: ReadonlySet<string> = new Set<ReasonOf<'Ready'>>([
  'Paused',
  'Stopped',
  'ScaledToZero',
  'RangeRead',
]);

function event(
  type: EventInput['type'],
  { reason, message }: { reason: string; message: string },
): PlannedEvent {
  return { type, reason: reason as ReasonOf<ConditionType>, note: message, action: 'Reconcile' };
}
