import {
  NATIVE_KEY_SCHEMA,
  SHARD_ID_KEY_SCHEMA,
  TTL_ATTRIBUTE,
  type ObservedTable,
  type TableBilling,
  type TableClass,
  type TableStep,
} from './table-admin.ts';

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
  | { reason: 'Gone'; message: string }
  | { reason: 'WrongKeySchema'; message: string }
  | { reason: 'NotOurs'; message: string }
  | { reason: 'Unreadable'; message: string }
  | { reason: 'KeyInaccessible'; message: string };

export interface TablePlan {
  steps: TableStep[];
  /** Nothing can be done until somebody changes something. */
  problem: TableProblem | undefined;
  /** The table is changing: look again soon. */
  isBusy: boolean;
  /** What is not as the group asks and no step brings about; the table can be used all the same. */
  notes: string[];
}

/** The name cannot change in a group that exists. */
const ANOTHER_TABLE =
  'delete this KinesisConsumerGroup and apply it again with another checkpoints.table.name';
/** Tag that marks a table as created by kcg. */
export const CREATED_BY_TAG = 'kcg.dev/created-by';
/** Tag that says which group created it. */
export const GROUP_TAG = 'kcg.dev/group-id';

/** What earlier looks have left. */
export interface TableHistory {
  /** The user's tags that were set before. */
  managedTagKeys?: readonly string[];
  /** The table was there. */
  existed?: boolean;
  /** Steps that the service has just said no to. */
  refused?: ReadonlySet<TableStep['do']>;
}

/**
 * The steps that bring the table to what the group asks for; none when it is so already. Tags of the user's that are no longer
 * asked for are removed, tags of others stay. A table that existed is never made anew: its positions went with it. The
 * settings of a table that carries the name of another group are that group's: two that ask for different ones would
 * change them back and forth.
 */
export function planTable(
  desired: DesiredTable,
  observed: ObservedTable | undefined,
  { managedTagKeys = [], existed = false, refused = new Set() }: TableHistory = {},
): TablePlan {
  const none: TablePlan = { steps: [], problem: undefined, isBusy: false, notes: [] };
  if (observed === undefined) {
    if (existed) {
      const message = `table ${desired.name} is gone, and the group's positions with it; nothing is read, since it would begin anew. Restore the table from a backup, or delete this KinesisConsumerGroup and apply it again to begin at initialPosition`;
      return { ...none, problem: { reason: 'Gone', message } };
    }
    if (desired.management === 'Managed') return { ...none, steps: [createStep(desired)], isBusy: true };
    const message = `table ${desired.name} does not exist, and checkpoints.table.management is External: create it with the key ${NATIVE_KEY_SCHEMA}, or set management to Managed`;
    return { ...none, problem: { reason: 'NotFound', message } };
  }
  // Such a table may not show its key and tags.
  if (observed.status === 'CREATING' || observed.status === 'DELETING') return { ...none, isBusy: true };
  const problem = kmsProblem(observed) ?? keyProblem(observed) ?? ownerProblem(desired, observed);
  if (problem) return { ...none, problem };
  if (desired.management === 'External') return { ...none, isBusy: observed.status !== 'ACTIVE' };
  const notes = notesOn(desired, observed);
  if (observed.status !== 'ACTIVE') return { ...none, isBusy: true, notes };
  // It is the same for all groups, and every one needs it.
  const shared = ttlSteps(observed);
  const side = sideSteps(desired, observed, managedTagKeys);
  const updates = tableUpdates(desired, observed);
  const untried = (steps: readonly TableStep[]) => steps.filter((step) => !refused.has(step.do));
  if (!isSetBy(desired.ownershipTags[GROUP_TAG], observed)) {
    const left = leftNote(desired, observed, [...side, ...updates]);
    return { ...none, steps: untried(shared), notes: [...notes, ...left] };
  }
  // One UpdateTable at a time: the table is UPDATING after it, and the next look plans the next.
  return { ...none, steps: [...untried([...shared, ...side]), ...untried(updates).slice(0, 1)], notes };
}

/** Whose settings it has. One that kcg did not create names nobody, and is set by whoever adopts it. */
export function isSetBy(groupId: string | undefined, { tags }: ObservedTable): boolean {
  return tags[GROUP_TAG] === undefined || tags[GROUP_TAG] === groupId;
}

function leftNote(
  { ownershipTags }: DesiredTable,
  { tags }: ObservedTable,
  settings: readonly TableStep[],
): string[] {
  if (settings.length === 0) return [];
  const left = settings.map((step) => step.do).join(', ');
  return [
    `left to group ${tags[GROUP_TAG]}, whose table it is: ${left}. Set these there, or set the table's tag ${GROUP_TAG} to ${ownershipTags[GROUP_TAG]} to have it from here`,
  ];
}

/** By its tag, for whichever group. False when the tags could not be read. */
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

function kmsProblem({ name, status, kmsKeyArn = 'of the table' }: ObservedTable): TableProblem | undefined {
  switch (status) {
    case 'INACCESSIBLE_ENCRYPTION_CREDENTIALS': {
      const message = `table ${name} cannot use its KMS key ${kmsKeyArn}: enable the key and DynamoDB's grants on it; DynamoDB archives the table after seven days`;
      return { reason: 'KeyInaccessible', message };
    }
    case 'ARCHIVING':
    case 'ARCHIVED': {
      const message = `table ${name} is ${status}, as its KMS key ${kmsKeyArn} could not be used for seven days: restore the backup that DynamoDB has made, under the table's name`;
      return { reason: 'KeyInaccessible', message };
    }
    default:
      return undefined;
  }
}

function keyProblem({ name, keySchema }: ObservedTable): TableProblem | undefined {
  if (keySchema === NATIVE_KEY_SCHEMA || keySchema === SHARD_ID_KEY_SCHEMA) return undefined;
  const message = `table ${name} has the key ${keySchema}; leases need ${NATIVE_KEY_SCHEMA} (or ${SHARD_ID_KEY_SCHEMA}): ${ANOTHER_TABLE}`;
  return { reason: 'WrongKeySchema', message };
}

function ownerProblem(desired: DesiredTable, observed: ObservedTable): TableProblem | undefined {
  if (desired.management === 'External' || desired.adoption === 'Always') return undefined;
  if (observed.unread?.tags !== undefined) {
    const message = `table ${observed.name} exists, but its tags, which say whose it is, cannot be read: ${observed.unread.tags}`;
    return { reason: 'Unreadable', message };
  }
  const ours = isCreatedByKcg(observed);
  const byThisGroup = ours && observed.tags[GROUP_TAG] === desired.ownershipTags[GROUP_TAG];
  if (desired.adoption === 'IfOurs' ? ours : byThisGroup) return undefined;
  const who = ours ? `was created by group ${observed.tags[GROUP_TAG]}` : 'was not created by kcg';
  const message = `table ${observed.name} exists and ${who}: set checkpoints.table.adoption to Always to use it, or ${ANOTHER_TABLE}`;
  return { reason: 'NotOurs', message };
}

function ttlSteps(observed: ObservedTable): TableStep[] {
  if (observed.ttlAttribute !== '' || observed.unread?.ttl !== undefined || !mayExpire(observed)) return [];
  return [{ do: 'enable ttl', attribute: TTL_ATTRIBUTE }];
}

/** What is asked for apart from the table itself. */
function sideSteps(
  desired: DesiredTable,
  observed: ObservedTable,
  managedTagKeys: readonly string[],
): TableStep[] {
  const unread = observed.unread ?? {};
  const steps = unread.tags === undefined ? tagSteps(desired, observed, managedTagKeys) : [];
  const { pointInTimeRecovery } = desired;
  if (pointInTimeRecovery !== undefined && unread.pointInTimeRecovery === undefined) {
    if (pointInTimeRecovery !== observed.pointInTimeRecovery)
      steps.push({ do: 'set point-in-time recovery', enabled: pointInTimeRecovery });
  }
  return steps;
}

/**
 * Rows of async-kinesis carry a ttl while they are live: where it is not yet in force, it would delete the checkpoints
 * of a group that stood still for a day.
 */
function mayExpire(observed: ObservedTable): boolean {
  return observed.keySchema === NATIVE_KEY_SCHEMA;
}

function tagSteps(
  desired: DesiredTable,
  observed: ObservedTable,
  managedTagKeys: readonly string[],
): TableStep[] {
  const steps: TableStep[] = [];
  // Only a table of ours carries our tags: an adopted one would look as if we had made it, and be deleted with the group.
  const owned = isCreatedByKcg(observed) && observed.tags[GROUP_TAG] === desired.ownershipTags[GROUP_TAG];
  const wanted = { ...desired.tags, ...(owned ? desired.ownershipTags : {}) };
  const missing = Object.entries(wanted).filter(([key, value]) => observed.tags[key] !== value);
  if (missing.length > 0) steps.push({ do: 'tag', tags: Object.fromEntries(missing) });
  const stale = managedTagKeys.filter(
    (key) => !(key in wanted) && key in observed.tags && !/^(aws:|kcg\.dev\/)/.test(key),
  );
  if (stale.length > 0) steps.push({ do: 'untag', keys: stale });
  return steps;
}

/** What UpdateTable changes, protection first. */
function tableUpdates(desired: DesiredTable, observed: ObservedTable): TableStep[] {
  const { deletionProtection, billing, tableClass, kmsKeyArn } = desired;
  const steps: TableStep[] = [];
  if (deletionProtection !== undefined && deletionProtection !== observed.deletionProtection) {
    steps.push({ do: 'set deletion protection', enabled: deletionProtection });
  }
  if (billing && !sameBilling(billing, observed.billing)) steps.push({ do: 'set billing', billing });
  if (tableClass && tableClass !== observed.tableClass) steps.push({ do: 'set table class', tableClass });
  if (kmsKeyArn && !sameKey(kmsKeyArn, observed.kmsKeyArn)) {
    steps.push({ do: 'set encryption', kmsKeyArn });
  }
  return steps;
}

/** A table shows its key, never the alias it was given by: any key will do for an alias. */
function sameKey(desired: string, observed: string | undefined): boolean {
  return observed !== undefined && (desired === observed || /:alias\//.test(desired));
}

function notesOn(desired: DesiredTable, observed: ObservedTable): string[] {
  const { ttl, tags, pointInTimeRecovery } = observed.unread ?? {};
  const notes: string[] = [];
  if (ttl !== undefined) notes.push(`whether items expire is not known: ${ttl}`);
  else if (observed.ttlAttribute === '' && !mayExpire(observed)) {
    notes.push(
      `time to live is off, and live rows may carry a ttl: turn it on for ${TTL_ATTRIBUTE} when none does`,
    );
  } else if (observed.ttlAttribute !== '' && observed.ttlAttribute !== TTL_ATTRIBUTE) {
    notes.push(
      `time to live is on for ${observed.ttlAttribute}, so rows that ended stay: turn it on for ${TTL_ATTRIBUTE} instead`,
    );
  }
  if (tags !== undefined && Object.keys(desired.tags ?? {}).length > 0) {
    notes.push(`tags are left alone: ${tags}`);
  }
  if (pointInTimeRecovery !== undefined && desired.pointInTimeRecovery !== undefined) {
    notes.push(`point-in-time recovery is left alone: ${pointInTimeRecovery}`);
  }
  return notes;
}

function sameBilling(a: TableBilling, b: TableBilling): boolean {
  if (a.mode === 'OnDemand' || b.mode === 'OnDemand') return a.mode === b.mode;
  return a.readCapacityUnits === b.readCapacityUnits && a.writeCapacityUnits === b.writeCapacityUnits;
}
