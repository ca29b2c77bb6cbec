import type { EventReason } from '../../api/events.ts';
import { keyOf, keyString, type StoredObject } from '../../kubernetes/cluster.ts';
import type { Pass } from '../reconcile-context.ts';

/** What stays in AWS with nobody to look after it: the Event is gone within the hour, as the group may be, and the log is not. */
const KEPT: ReadonlySet<EventReason> = new Set(['ConsumerKept', 'RowsKept']);

/** What a look has to tell beside the status. */
export function tellEvents({ options, events }: Pass, regarding: StoredObject): void {
  for (const event of events) {
    options.cluster.recordEvent({ ...event, regarding });
    const { reason, note } = event;
    const group = keyString(keyOf(regarding));
    if (KEPT.has(reason)) options.log.warn('something of a group stays in AWS', { group, reason, note });
  }
}
