import type { GroupStatus } from '../../api/group-status.ts';
import { kubernetesTime } from '../../api/conditions.ts';
import { LINE_MAX } from '../../api/status-fields.ts';
import type { PlannedEvent } from '../plan/status/condition-events.ts';
import type { PlacedPass } from '../reconcile-context.ts';

/**
 * The table was as is `wanted` of it: what differs now, somebody else has changed. After a restart the status says so, as long as
 * nothing of the spec has changed.
 */
export function wasSettled({ memory, group, object, target }: PlacedPass, wanted: string): boolean {
  const { generation } = group.metadata;
  if (memory.table) return memory.table.isSettled && memory.table.wanted === wanted;
  const { table, conditions = [] } = (object.status ?? {}) as GroupStatus;
  const ready = conditions.find(({ type }) => type === 'TableReady');
  return (
    table?.name === target.table &&
    ready?.status === 'True' &&
    ready.reason === 'TableActive' &&
    ready.observedGeneration === generation
  );
}

/** @param change what was, and what it is set to */
export function changeEvent({ target }: PlacedPass, change: string, isDrift: boolean): PlannedEvent {
  const action = 'ReconcileTable';
  return isDrift
    ? {
        type: 'Warning',
        reason: 'TableDrift',
        note: `table ${target.table} was changed by somebody else, and is set back: ${change}`,
        action,
      }
    : {
        type: 'Normal',
        reason: 'TableChanged',
        note: `table ${target.table}: ${change}`,
        action,
        isStep: true,
      };
}

/** For those who look after the event has gone. */
export function rememberDrift({ memory, options }: PlacedPass, changes: readonly string[]): void {
  if (changes.length === 0) return;
  const change = changes.join(', ').slice(0, LINE_MAX);
  memory.lastDrift = { time: kubernetesTime(options.clock.now()), change };
}
