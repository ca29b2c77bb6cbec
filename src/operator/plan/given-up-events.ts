import type { GroupStatus } from '../../api/group-status.ts';
import { count } from '../../lib/count.ts';
import type { PlannedEvent } from './condition-events.ts';

type Delivery = GroupStatus['delivery'];

/** What people are told when records were given up since the last status. */
export function givenUpEvents(before: Delivery, after: Delivery): PlannedEvent[] {
  const now = after?.givenUp;
  const more = (now?.records ?? 0) - (before?.givenUp?.records ?? 0);
  if (now === undefined || more <= 0) return [];
  const why = `${now.reason}, last on ${now.shardId}`;
  const note = `${count(more, 'record')} given up (${why}), ${now.records} in all; the log of the workers has the positions: RecordsGivenUp`;
  return [{ type: 'Warning', reason: 'RecordsGivenUp', note, action: 'Reconcile' }];
}
