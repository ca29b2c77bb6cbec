import { LAYOUT_VERSION, type Claim } from './claim.ts';
import { CLAIM_KEY } from './row.ts';
import { showsReset } from './reset-writes.ts';
import { absent, present, type RowWrite } from './row-write.ts';

/**
 * A worker notes that all of the group's range is processed: nothing is read any more.
 *
 * @param seen the claim that was read with the positions; a reset since then has moved them
 */
export function completeRange(atMs: number, seen: Pick<Claim, 'reset'> | undefined): RowWrite {
  return {
    name: 'complete range',
    key: CLAIM_KEY,
    kind: 'update',
    when: [absent('completed_at'), ...showsReset(seen?.reset)],
    set: { completed_at: Math.round(atMs), layout_version: LAYOUT_VERSION },
    proof: [present('completed_at')],
  };
}
