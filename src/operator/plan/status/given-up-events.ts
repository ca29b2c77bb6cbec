import type { GroupStatus } from '../../../api/group-status.ts';
import { count } from '../../../lib/count.ts';
import type { PlannedEvent } from './condition-events.ts';

type Delivery = GroupStatus['delivery'];

/**
 * What people are told when records were given up since the last status. A resource that is made anew finds the counts of the
 * one before it in the rows.
 * @param madeAt when the resource was made
 */
export function givenUpEvents(before: Delivery, after: Delivery, madeAt: string): PlannedEvent[] {
  const now = after?.givenUp;
  if (now === undefined) return [];
  if (before?.givenUp === undefined && Date.parse(now.lastTime) < Date.parse(madeAt)) return [];
  const more = now.records - (before?.givenUp?.records ?? 0);
  if (more <= 0) return [];
  const why = `${now.reason}, last on ${now.shardId}`;
  const note = `${count(more, 'record')} given up (${why}), ${now.records} in all; the log of the workers has the positions: RecordsGivenUp`;
  return [{ type: 'Warning', reason: 'RecordsGivenUp', note, action: 'Reconcile' }];
}
