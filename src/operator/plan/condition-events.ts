import type { GroupStatus } from '../../api/group-status.ts';
import type { EventInput } from '../../kubernetes/cluster.ts';

type Conditions = NonNullable<GroupStatus['conditions']>;
export type PlannedEvent = Omit<EventInput, 'regarding'>;

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
  if (ready?.now.status === 'False' && ready.old?.status === 'True') events.push(event('Warning', ready.now));
  const stalled = turned('Stalled');
  if (stalled?.now.status === 'True') events.push(event('Warning', stalled.now));
  const risk = turned('CheckpointsAtRisk');
  if (risk?.now.status === 'True') events.push(event('Warning', risk.now));
  const known = new Set<string>();
  return events.filter(({ reason }) => !known.has(reason) && known.add(reason));
}

function event(
  type: EventInput['type'],
  { reason, message }: { reason: string; message: string },
): PlannedEvent {
  return { type, reason, note: message, action: 'Reconcile' };
}
