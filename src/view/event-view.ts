import type { StoredObject } from '../kubernetes/cluster.ts';
import type { EventView } from './group-picture.ts';

interface EventFields {
  eventTime?: string | null;
  deprecatedLastTimestamp?: string | null;
  deprecatedCount?: number;
  series?: { count?: number; lastObservedTime?: string };
  type?: string;
  reason?: string;
  note?: string;
  regarding?: { kind?: string; name?: string };
}

/** Events of a group, its Deployment, ReplicaSets and pods, oldest first; among those of a whole namespace. */
export function eventsOf(events: readonly StoredObject[], group: string): EventView[] {
  return events
    .filter((event) => isAboutGroup(event, group))
    .map(eventView)
    .toSorted((a, b) => a.at - b.at);
}

/** About the group itself, its Deployment, a ReplicaSet of that, or a pod. */
export function isAboutGroup(event: StoredObject, group: string): boolean {
  const { kind = '', name = '' } = (event as EventFields).regarding ?? {};
  if (kind === 'KinesisConsumerGroup') return name === group;
  const worker = `${group}-worker`;
  // A ReplicaSet's name ends in a hash, a pod's in a second one; neither has a hyphen.
  const rest = name.slice(worker.length);
  if (!name.startsWith(worker)) return false;
  if (kind === 'Deployment' || kind === 'PodDisruptionBudget') return rest === '';
  if (kind === 'ReplicaSet') return /^-[a-z0-9]+$/.test(rest);
  return kind === 'Pod' && /^-[a-z0-9]+-[a-z0-9]+$/.test(rest);
}

function eventView(event: StoredObject): EventView {
  const { eventTime, deprecatedLastTimestamp, deprecatedCount, series, type, reason, note, regarding } =
    event as EventFields;
  const time =
    series?.lastObservedTime ?? deprecatedLastTimestamp ?? eventTime ?? event.metadata.creationTimestamp;
  return {
    at: Date.parse(time ?? '') || 0,
    type: type ?? 'Normal',
    reason: reason ?? '',
    note: note ?? '',
    count: series?.count ?? deprecatedCount ?? 1,
    regarding: `${regarding?.kind}/${regarding?.name}`,
  };
}
