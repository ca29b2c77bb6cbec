import {
  NATIVE_KEY_SCHEMA,
  SHARD_ID_KEY_SCHEMA,
  TTL_ATTRIBUTE,
  type ObservedTable,
  type TableBilling,
  type TableClass,
  type TableStep,
} from '../table-admin.ts';

/** What a group asks of its table. Unset settings are creation defaults on a new table, and left alone on an existing one. */
export interface DesiredTable {
  name: string;
  management: 'Managed' | 'External';
  adoption: 'IfOurs' | 'Always' | 'Never';
  /** Ours, always kept: they say who made the table. */
  ownershipTags: Readonly<Record<string, string>>;
  tags: Readonly<Record<string, string>> | undefined;
  billing: TableBilling | undefined;
  deletionProtection: boolean | undefined;
  /** Used when `deletionProtection` is unset and the table is created. */
  defaultDeletionProtection: boolean;
  pointInTimeRecovery: boolean | undefined;
  kmsKeyArn: string | undefined;
  tableClass: TableClass | undefined;
}

export type TableProblem =
  | { reason: 'NotFound'; message: string }
  | { reason: 'WrongKeySchema'; message: string }
  | { reason: 'NotOurs'; message: string };

export interface TablePlan {
  steps: TableStep[];
  /** Nothing can be done until somebody changes something. */
  problem: TableProblem | undefined;
  /** The table is changing: look again soon. */
  isBusy: boolean;
}

/** Tag that marks a table as created by kcg. */
export const CREATED_BY_TAG = 'kcg.dev/created-by';
/** Tag that says which group created it. */
export const GROUP_TAG = 'kcg.dev/group-id';

/**
 * The steps that bring the table to what the group asks for; none when it is so already. `managedTagKeys` are the user's
 * tags that were set before: those no longer asked for are removed, tags of others stay.
 */
export function planTable(
  desired: DesiredTable,
  observed: ObservedTable | undefined,
  managedTagKeys: readonly string[],
): TablePlan {
  const none: TablePlan = { steps: [], problem: undefined, isBusy: false };
  if (observed === undefined) {
    if (desired.management === 'Managed') return { ...none, steps: [createStep(desired)], isBusy: true };
    const message = `table ${desired.name} does not exist, and checkpoints.table.management is External: create it with the key ${NATIVE_KEY_SCHEMA}, or set management to Managed`;
    return { ...none, problem: { reason: 'NotFound', message } };
  }
  const problem = keyProblem(observed) ?? ownerProblem(desired, observed);
  if (problem) return { ...none, problem };
  if (observed.status !== 'ACTIVE') return { ...none, isBusy: true };
  if (desired.management === 'External') return none;
  return { ...none, steps: changes(desired, observed, managedTagKeys) };
}

export function isCreatedByKcg(observed: ObservedTable): boolean {
  return observed.tags[CREATED_BY_TAG] === 'kcg';
}

function createStep(desired: DesiredTable): TableStep {
  return {
    do: 'create',
    table: {
      billing: desired.billing ?? { mode: 'OnDemand' },
      tags: { ...desired.tags, ...desired.ownershipTags },
      deletionProtection: desired.deletionProtection ?? desired.defaultDeletionProtection,
      kmsKeyArn: desired.kmsKeyArn,
      tableClass: desired.tableClass ?? 'Standard',
    },
  };
}

function keyProblem({ name, keySchema }: ObservedTable): TableProblem | undefined {
  if (keySchema === NATIVE_KEY_SCHEMA || keySchema === SHARD_ID_KEY_SCHEMA) return undefined;
  const message = `table ${name} has the key ${keySchema}; leases need ${NATIVE_KEY_SCHEMA} (or ${SHARD_ID_KEY_SCHEMA}): set checkpoints.table.name to another table`;
  return { reason: 'WrongKeySchema', message };
}

function ownerProblem(desired: DesiredTable, observed: ObservedTable): TableProblem | undefined {
  if (desired.management === 'External' || desired.adoption === 'Always') return undefined;
  const ours = isCreatedByKcg(observed);
  const byThisGroup = ours && observed.tags[GROUP_TAG] === desired.ownershipTags[GROUP_TAG];
  if (desired.adoption === 'IfOurs' ? ours : byThisGroup) return undefined;
  const who = ours ? `was created by group ${observed.tags[GROUP_TAG]}` : 'was not created by kcg';
  const message = `table ${observed.name} exists and ${who}: set checkpoints.table.adoption to Always to use it, or name another table`;
  return { reason: 'NotOurs', message };
}

function changes(
  desired: DesiredTable,
  observed: ObservedTable,
  managedTagKeys: readonly string[],
): TableStep[] {
  const steps: TableStep[] = [];
  if (observed.ttlAttribute !== TTL_ATTRIBUTE) steps.push({ do: 'enable ttl', attribute: TTL_ATTRIBUTE });
  // Only a table of ours carries our tags: an adopted one would look as if we had made it, and be deleted with the group.
  const owned = isCreatedByKcg(observed) && observed.tags[GROUP_TAG] === desired.ownershipTags[GROUP_TAG];
  const wanted = { ...desired.tags, ...(owned ? desired.ownershipTags : {}) };
  const missing = Object.entries(wanted).filter(([key, value]) => observed.tags[key] !== value);
  if (missing.length > 0) steps.push({ do: 'tag', tags: Object.fromEntries(missing) });
  const stale = managedTagKeys.filter((key) => !(key in wanted) && key in observed.tags);
  if (stale.length > 0) steps.push({ do: 'untag', keys: stale });
  const { pointInTimeRecovery, deletionProtection, billing, tableClass, kmsKeyArn } = desired;
  if (pointInTimeRecovery !== undefined && pointInTimeRecovery !== observed.pointInTimeRecovery) {
    steps.push({ do: 'set point-in-time recovery', enabled: pointInTimeRecovery });
  }
  if (deletionProtection !== undefined && deletionProtection !== observed.deletionProtection) {
    steps.push({ do: 'set deletion protection', enabled: deletionProtection });
  }
  // One UpdateTable at a time: the table is UPDATING after it, and the next look plans the next.
  if (billing && !sameBilling(billing, observed.billing)) steps.push({ do: 'set billing', billing });
  else if (tableClass && tableClass !== observed.tableClass)
    steps.push({ do: 'set table class', tableClass });
  else if (kmsKeyArn && kmsKeyArn !== observed.kmsKeyArn) steps.push({ do: 'set encryption', kmsKeyArn });
  return steps;
}

function sameBilling(a: TableBilling, b: TableBilling): boolean {
  if (a.mode === 'OnDemand' || b.mode === 'OnDemand') return a.mode === b.mode;
  return a.readCapacityUnits === b.readCapacityUnits && a.writeCapacityUnits === b.writeCapacityUnits;
}
