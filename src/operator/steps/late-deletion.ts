import { keepsPositions, readGroupLeniently } from '../../api/stored-group.ts';
import type { KinesisConsumerGroup } from '../../api/group.ts';
import type { StoredObject } from '../../kubernetes/cluster.ts';
import { hasFinalizer, undo, type Waits } from './reconcile-deletion.ts';
import type { GroupMemory, Pass } from '../reconcile-context.ts';

/*
 * A deletionPolicy that is set and a group that is deleted at once leave no time for a finalizer: the object is gone before
 * anybody has looked. Its last state comes with its deletion, and the operator does what that asks for. A finalizer on every
 * group would hold them all when the operator is not there, for a policy that few have; so a restart within these
 * seconds means Retain, which loses nothing.
 */

/** Tries before the rows are left where they are. */
const TRIES = 5;

/** The last state of an object that is gone asks for more than Retain. */
export function mayBeUndone(last: StoredObject): boolean {
  return !hasFinalizer(last) && !keepsPositions(last);
}

/** What is to be undone of an object that is gone; nothing of one that had the finalizer, whoever took it off. */
export function lateGroup(
  last: StoredObject,
  memory: GroupMemory | undefined,
): KinesisConsumerGroup | undefined {
  if (memory?.uid !== last.metadata.uid || memory.wasGuarded) return undefined;
  // Another operator looked after it.
  if (memory.keptOff.from !== undefined) return undefined;
  const parsed = readGroupLeniently(last);
  return parsed.outcome === 'ok' ? parsed.group : undefined;
}

/** @returns what it waits for; undefined when nothing is left to do */
export async function undoLate(pass: Pass): Promise<Waits | undefined> {
  const waits = await undo(pass);
  if (!waits?.failed) return waits;
  pass.memory.lateTries += 1;
  if (pass.memory.lateTries < TRIES) return waits;
  const note = `nothing more is deleted: ${waits.message}`;
  pass.events.push({ type: 'Warning', reason: 'RowsKept', note, action: 'Delete' });
  return undefined;
}
