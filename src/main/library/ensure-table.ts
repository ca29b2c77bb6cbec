import type { LibrarySpec } from '../../api/library-spec.ts';
import type { Clock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { settingsOf, type DesiredTable } from '../../table/desired-table.ts';
import { planTable } from '../../table/plan-table.ts';
import type { TableAdmin, TableStep } from '../../table/table-admin.ts';
import { CREATED_BY_TAG, GROUP_TAG } from '../../table/table-tags.ts';

export interface EnsureOptions {
  admin: TableAdmin;
  desired: DesiredTable;
  clock: Clock;
  log: Log;
  signal: AbortSignal;
}

const LOOK_MS = 500;
/** A new table is there within half a minute, at most. */
const PATIENCE_MS = 300_000;

/**
 * Creates the table where there is none, waits until it can be used, and gives it its settings. One that exists is left as it
 * is, whoever made it, and waited for when somebody else is making it. A setting that cannot be made is warned of, and the table is
 * used without.
 */
export async function ensureTable({ admin, desired, clock, log, signal }: EnsureOptions): Promise<void> {
  let observed = await admin.describe({ signal });
  let isNew = false;
  const untilMs = clock.monotonic() + PATIENCE_MS;
  const refused = new Set<TableStep['do']>();
  while (!signal.aborted) {
    isNew ||= observed === undefined;
    if (!isNew && observed?.status !== 'CREATING' && observed?.status !== 'DELETING') return;
    const { steps, problem, isBusy } = planTable(desired, observed, { refused });
    if (problem) throw new KcgError('Conflict', problem.message, { resource: `table ${desired.name}` });
    if (steps.length === 0 && !isBusy) return;
    if (clock.monotonic() > untilMs)
      throw new KcgError('Timeout', `table ${desired.name} is still ${observed?.status ?? 'not there'}`);
    for (const step of steps) {
      try {
        const outcome = await admin.apply(step, { signal });
        if (step.do !== 'create') refused.add(step.do); // once: what shows late is not asked for again
        log.info('table', { table: desired.name, step: step.do, outcome });
      } catch (thrown) {
        if (step.do === 'create' || signal.aborted) throw thrown;
        refused.add(step.do);
        const error = KcgError.from(thrown).message;
        log.warn('a setting of the new table could not be made', { step: step.do, error });
      }
    }
    await clock.sleep(LOOK_MS, { signal });
    observed = await admin.describe({ signal });
  }
}

export function desiredTable(name: string, { groupId, table }: LibrarySpec): DesiredTable {
  return {
    name,
    management: 'Managed',
    adoption: 'Always',
    ownershipTags: { [CREATED_BY_TAG]: 'kcg', [GROUP_TAG]: groupId },
    defaultDeletionProtection: true,
    ...settingsOf(table),
  };
}
