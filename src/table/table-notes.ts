import type { DesiredTable } from './desired-table.ts';
import { NATIVE_KEY_SCHEMA, TTL_ATTRIBUTE, type ObservedTable, type TableStep } from './table-admin.ts';
import { CREATED_BY_TAG } from './table-tags.ts';
import { isAlias } from './table-updates.ts';

/** What is to be said of a table that can be used and is not quite as the group asks. */
export function notesOn(desired: DesiredTable, observed: ObservedTable): string[] {
  const { pointInTimeRecovery } = observed.unread ?? {};
  const notes = [...ttlNotes(observed), ...tagNotes(desired, observed), ...keyNotes(desired, observed)];
  if (pointInTimeRecovery !== undefined && desired.pointInTimeRecovery !== undefined) {
    notes.push(`point-in-time recovery is left alone: ${pointInTimeRecovery}`);
  }
  return notes;
}

/**
 * Rows of async-kinesis carry a ttl while they are live: where it is not yet in force, it would delete the checkpoints
 * of a group that stood still for a day.
 */
export function mayExpire(observed: ObservedTable): boolean {
  return observed.keySchema === NATIVE_KEY_SCHEMA;
}

function ttlNotes(observed: ObservedTable): string[] {
  const { ttlAttribute, isTtlEnding, unread } = observed;
  if (unread?.ttl !== undefined) return [`whether items expire is not known: ${unread.ttl}`];
  if (ttlAttribute === '' && !mayExpire(observed)) {
    return [
      `time to live is off, and live rows may carry a ttl: turn it on for ${TTL_ATTRIBUTE} when none does`,
    ];
  }
  if (ttlAttribute === '' || ttlAttribute === TTL_ATTRIBUTE) return [];
  if (isTtlEnding) {
    return [`time to live is being turned off for ${ttlAttribute}, which takes up to an hour`];
  }
  return [
    `time to live is on for ${ttlAttribute}, so rows that ended stay: turn it on for ${TTL_ATTRIBUTE} instead`,
  ];
}

function tagNotes(desired: DesiredTable, { unread, maker, tags }: ObservedTable): string[] {
  const isAsked = Object.keys(desired.tags ?? {}).length > 0;
  if (unread?.tags === undefined) return [];
  const isTold = maker !== undefined && tags[CREATED_BY_TAG] === undefined;
  const whose = isTold ? `, and its rows say that group ${maker} made it` : '';
  return isAsked || isTold ? [`tags are left alone${whose}: ${unread.tags}`] : [];
}

function keyNotes({ key }: DesiredTable, { kmsKeyArn: observed }: ObservedTable): string[] {
  if (key === undefined || observed === undefined) return [];
  const is = `it is encrypted with ${observed}`;
  if ('awsKey' in key) {
    if (key.awsKey === 'Owned') return [];
    return [
      `${is}; whether that is the account's aws/dynamodb cannot be seen from here: if it is not, set encryption.awsKey to Owned, wait for TableActive, and set it to Managed again`,
    ];
  }
  if (!isAlias(key.kmsKeyArn)) return [];
  return [
    `${is}; whether ${key.kmsKeyArn} stands for that key cannot be seen from here: name the key itself to have it kept`,
  ];
}

/** What was asked for, taken, and never showed; or is not known at all. */
export function inVainNote(steps: readonly TableStep[]): string[] {
  if (steps.length === 0) return [];
  const left = steps.map((step) => step.do).join(', ');
  return [`left out, as this DynamoDB does not take it on: ${left}`];
}
