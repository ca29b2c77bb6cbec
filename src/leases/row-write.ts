import type { AttributeValue, Row } from './row.ts';

export type Condition =
  | { attribute: string; is: 'equal' | 'not equal'; value: string | number }
  | { attribute: string; is: 'absent' | 'present' };

export const equal = (attribute: string, value: string | number): Condition => ({
  attribute,
  is: 'equal',
  value,
});
export const absent = (attribute: string): Condition => ({ attribute, is: 'absent' });
export const present = (attribute: string): Condition => ({ attribute, is: 'present' });

/**
 * One conditional write of one row, as data. Every step of the lease protocol is one of these (`transitions.ts`), so
 * that the table implementations, the simulation and an exhaustive search all execute the same protocol.
 */
export interface RowWrite {
  name: string;
  key: string;
  kind: 'put' | 'update' | 'delete';
  /** All must hold on the stored row (on a missing row every attribute is absent). */
  when: readonly Condition[];
  /** Put: all attributes of the new row. Update: the attributes to change. */
  set?: Readonly<Record<string, AttributeValue>>;
  remove?: readonly string[];
  /** Added to a number; an absent one counts as 0. */
  add?: Readonly<Record<string, number>>;
  /**
   * Holds only on a row that shows this write's effect. A response can get lost after the effect, and the repeated
   * write then fails its condition; the row that is read back decides, not the failure. Empty: nothing proves it.
   */
  proof: readonly Condition[];
}

export type WriteResult =
  | { outcome: 'done'; row: Row | undefined } // the row after the write; undefined after a delete
  | { outcome: 'lost'; row: Row | undefined }; // somebody else was first: the row as it is now

/** On a missing row (undefined) every attribute is absent. */
export function holds(condition: Condition, row: Row | undefined): boolean {
  const value = row?.[condition.attribute];
  switch (condition.is) {
    case 'equal':
      return value === condition.value;
    case 'not equal':
      // Like DynamoDB's <>: true when the attribute is missing.
      return value !== condition.value;
    case 'absent':
      return value === undefined;
    case 'present':
      return value !== undefined;
  }
}

/** What a failed condition means, given the row as a strongly consistent read shows it. */
export function judgeFailure(write: RowWrite, row: Row | undefined): WriteResult {
  const shown = write.proof.length > 0 && row !== undefined && allHold(write.proof, row);
  const proven = write.kind === 'delete' ? row === undefined : shown;
  return { outcome: proven ? 'done' : 'lost', row };
}

/** Executes `write` on `row` as a table would. */
export function applyWrite(write: RowWrite, row: Row | undefined): WriteResult {
  if (!allHold(write.when, row)) return judgeFailure(write, row);
  if (write.kind === 'delete') return { outcome: 'done', row: undefined };
  const base = write.kind === 'put' ? {} : row;
  const next: Record<string, AttributeValue> = { ...base, ...write.set, shard_id: write.key };
  for (const attribute of write.remove ?? []) delete next[attribute];
  for (const [attribute, delta] of Object.entries(write.add ?? {})) {
    next[attribute] = Number(next[attribute] ?? 0) + delta;
  }
  return { outcome: 'done', row: next as Row };
}

function allHold(conditions: readonly Condition[], row: Row | undefined): boolean {
  return conditions.every((condition) => holds(condition, row));
}
