import { LAYOUT_VERSION } from './claim.ts';
import { CLAIM_KEY } from './row.ts';
import { absent, present, type RowWrite } from './row-write.ts';

/** A worker notes that all of the group's range is processed: nothing is read any more. */
export function completeRange(atMs: number): RowWrite {
  return {
    name: 'complete range',
    key: CLAIM_KEY,
    kind: 'update',
    when: [absent('completed_at')],
    set: { completed_at: Math.round(atMs), layout_version: LAYOUT_VERSION },
    proof: [present('completed_at')],
  };
}
