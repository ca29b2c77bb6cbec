import type { KubeObject, ResourceKind, StoredObject } from '../../kubernetes/cluster.ts';
import { applyObject, conflictMessage, type ApplyOutcome } from './apply-object.ts';
import type { Pass } from '../reconcile-context.ts';

/** Applies one object of the group; fields that others had set are set back, and an event names who did it. */
export async function applyOwned(
  pass: Pass,
  kind: ResourceKind,
  { wanted, existing }: { wanted: KubeObject; existing: StoredObject | undefined },
): Promise<ApplyOutcome> {
  const { options, memory, signal } = pass;
  const result = await applyObject(options.cluster, kind, {
    wanted,
    existing,
    applied: memory.applied,
    signal,
  });
  const isSettled = result.outcome === 'applied' || result.outcome === 'unchanged';
  const conflict = result.outcome === 'conflict' ? result : isSettled && result.conflict;
  if (conflict) {
    const note = `${isSettled ? 'set back: ' : ''}${conflictMessage(wanted, conflict)}`;
    pass.events.push({ type: 'Warning', reason: 'FieldConflict', note, action: 'ApplyObjects' });
  }
  return result;
}
