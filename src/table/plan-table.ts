import { settleSettings } from './settings-holder.ts';
import { inVainNote, mayExpire, notesOn } from './table-notes.ts';
import { GROUP_TAG, makerOf, settingsHolder, tagsOfNew, tagSteps } from './table-tags.ts';
import { newBilling, tableUpdates } from './table-updates.ts';
import type { DesiredTable } from './desired-table.ts';
import {
  NATIVE_KEY_SCHEMA,
  SHARD_ID_KEY_SCHEMA,
  TTL_ATTRIBUTE,
  type ObservedTable,
  type TableStep,
} from './table-admin.ts';

export type TableProblem =
  | { reason: 'NotFound'; message: string }
  | { reason: 'Gone'; message: string }
  | { reason: 'WrongKeySchema'; message: string }
  | { reason: 'NotOurs'; message: string }
  | { reason: 'Unreadable'; message: string }
  | { reason: 'Replicated'; message: string }
  | { reason: 'KeyInaccessible'; message: string };

export interface TablePlan {
  steps: TableStep[];
  /** What comes after that, a look each; absent = nothing. */
  later?: TableStep[];
  /** Nothing can be done until somebody changes something. */
  problem: TableProblem | undefined;
  /** The table is changing: look again soon. */
  isBusy: boolean;
  /** What is not as the group asks and no step brings about; the table can be used all the same. */
  notes: string[];
  /** Steps that would be due, were they not in vain. */
  inVain: TableStep[];
  /** The group that holds the table's settings, where they differ from what this one asks for. */
  heldBy?: string | undefined;
}

/** The name cannot change in a group that exists. */
const ANOTHER_TABLE =
  'delete this KinesisConsumerGroup and apply it again with another checkpoints.table.name';
/** What the table itself does not tell. */
export interface TableHistory {
  /** The group has worked with it. */
  existed?: boolean | undefined;
  /** Steps that the service has just said no to. */
  refused?: ReadonlySet<TableStep['do']>;
  /** Steps, by `stepKey`, that were taken and never showed, or that this DynamoDB does not know. */
  inVain?: ReadonlySet<string>;
  /** A group that holds settings and is known not to exist any more. */
  gone?: string | undefined;
  /** Another resource has claimed the group id. */
  isRival?: boolean;
}

/** Tells a change from any other. */
export function stepKey(step: TableStep): string {
  return JSON.stringify(step);
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
  { existed = false, refused = new Set(), inVain = new Set(), gone, isRival = false }: TableHistory = {},
): TablePlan {
  const none: TablePlan = { steps: [], problem: undefined, isBusy: false, notes: [], inVain: [] };
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
  const problem =
    replicaProblem(observed) ??
    kmsProblem(observed) ??
    keyProblem(observed) ??
    anewProblem(observed) ??
    ownerProblem(desired, observed, existed);
  if (problem) return { ...none, problem };
  if (desired.management === 'External') return { ...none, isBusy: observed.status !== 'ACTIVE' };
  const notes = notesOn(desired, observed);
  if (observed.status !== 'ACTIVE' || observed.isReencrypting) return { ...none, isBusy: true, notes };
  // It is the same for all groups, and every one needs it.
  const shared = ttlSteps(desired, observed);
  const updates = tableUpdates(desired, observed);
  const wanted = [...sideSteps(desired, observed), ...updates];
  const isGone = gone !== undefined && gone === settingsHolder(observed);
  const settled = settleSettings(desired, observed, { wanted, isGone, isRival });
  notes.push(...settled.notes);
  const due = [...shared, ...settled.steps];
  const left = due.filter((step) => inVain.has(stepKey(step)));
  notes.push(...inVainNote(left));
  const steps = due.filter((step) => !left.includes(step) && !refused.has(step.do));
  // One UpdateTable at a time: the table is UPDATING after it, and the next look plans the next.
  const [update, ...later] = steps.filter((step) => updates.includes(step));
  return {
    ...none,
    steps: steps.filter((step) => step === update || !updates.includes(step)),
    notes,
    inVain: left,
    ...(later.length === 0 ? {} : { later }),
    ...(settled.heldBy === undefined ? {} : { heldBy: settled.heldBy }),
  };
}

function createStep(desired: DesiredTable): TableStep {
  return {
    do: 'create',
    table: {
      billing: newBilling(desired.billing),
      tags: tagsOfNew(desired.tags, desired.ownershipTags),
      deletionProtection: desired.deletionProtection ?? desired.defaultDeletionProtection,
      key: desired.key,
      tableClass: desired.tableClass ?? 'Standard',
    },
  };
}

/** Each region has the last word on its own writes for a second or so: a lease could have an owner in each. */
function replicaProblem({ name, replicas = [] }: ObservedTable): TableProblem | undefined {
  if (replicas.length === 0) return undefined;
  const message = `table ${name} is a global table, with replicas in ${replicas.join(', ')}: leases need conditional writes that all see at once, which replicas do not give. Nothing of it is changed, and no worker is started on it. Remove the replicas, or ${ANOTHER_TABLE}`;
  return { reason: 'Replicated', message };
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

function anewProblem({ name, isMadeAnew, createdAt }: ObservedTable): TableProblem | undefined {
  if (!isMadeAnew) return undefined;
  const message = `table ${name} was deleted, and the group's positions with it; the one of that name was made at ${new Date(createdAt).toISOString()}. Nothing is read, since it would begin anew. To begin at initialPosition, delete this KinesisConsumerGroup and apply it again; or restore the table from a backup`;
  return { reason: 'Gone', message };
}

/** A group that has worked with the table is not kept from it by tags that cannot be read. */
function ownerProblem(
  desired: DesiredTable,
  observed: ObservedTable,
  existed: boolean,
): TableProblem | undefined {
  if (desired.management === 'External' || desired.adoption === 'Always' || observed.isRestored)
    return undefined;
  const maker = makerOf(observed);
  if (observed.unread?.tags !== undefined && maker === undefined) {
    if (existed) return undefined;
    const message = `table ${observed.name} exists, but its tags, which say whose it is, cannot be read: ${observed.unread.tags}`;
    return { reason: 'Unreadable', message };
  }
  const isOurs = maker !== undefined;
  const isThisGroups = maker === desired.ownershipTags[GROUP_TAG];
  if (desired.adoption === 'IfOurs' ? isOurs : isThisGroups) return undefined;
  const who = isOurs ? `was created by group ${maker}` : 'was not created by kcg';
  const message = `table ${observed.name} exists and ${who}: set checkpoints.table.adoption to Always to use it, or ${ANOTHER_TABLE}`;
  return { reason: 'NotOurs', message };
}

/** Of a table that kcg made for another attribute, somebody has changed it; of any other, it may be meant. */
function ttlSteps({ ownershipTags }: DesiredTable, observed: ObservedTable): TableStep[] {
  const { ttlAttribute, isTtlEnding, unread } = observed;
  if (unread?.ttl !== undefined || !mayExpire(observed)) return [];
  if (ttlAttribute === '') return [{ do: 'enable ttl', attribute: TTL_ATTRIBUTE }];
  const isMine = makerOf(observed) === ownershipTags[GROUP_TAG];
  if (ttlAttribute === TTL_ATTRIBUTE || isTtlEnding || !isMine) return [];
  return [{ do: 'disable ttl', attribute: ttlAttribute }];
}

/** What is asked for apart from the table itself. */
function sideSteps(desired: DesiredTable, observed: ObservedTable): TableStep[] {
  const unread = observed.unread ?? {};
  const steps = unread.tags === undefined ? tagSteps(desired.tags, desired.ownershipTags, observed) : [];
  const { pointInTimeRecovery } = desired;
  if (pointInTimeRecovery !== undefined && unread.pointInTimeRecovery === undefined) {
    if (pointInTimeRecovery !== observed.pointInTimeRecovery)
      steps.push({ do: 'set point-in-time recovery', enabled: pointInTimeRecovery });
  }
  return steps;
}
