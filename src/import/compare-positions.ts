import { compareSequence } from '../kinesis/record.ts';
import type { Checkpoint } from '../kinesis/position.ts';
import { timeOfSequence } from '../kinesis/sequence-number.ts';
import type { ForeignPoint } from './foreign-store.ts';

/** Who has processed more of a shard, and by how much. */
export interface Lead {
  ahead: 'here' | 'there' | 'same' | 'unknown';
  /** Between the arrival of the last record of the one and of the other; undefined = not known. */
  byMs?: number;
}

/** `undefined`: that side has no position of the shard. Starting positions tell nothing of what was processed. */
export function comparePositions(here: Checkpoint | undefined, there: ForeignPoint | undefined): Lead {
  const rank = (point: Checkpoint | ForeignPoint | undefined) =>
    point?.at === 'SHARD_END' ? 2 : point?.at === 'SEQUENCE' ? 1 : 0;
  if (here?.at === 'SEQUENCE' && there?.at === 'SEQUENCE') {
    const order =
      compareSequence(here.sequence, there.sequence) ||
      (isPlain(here, there) ? 0 : (here.subSequence ?? Infinity) - (there.subSequence ?? Infinity)) ||
      0;
    const times = [timeOfSequence(here.sequence), timeOfSequence(there.sequence)] as const;
    const byMs = times[0] === undefined || times[1] === undefined ? undefined : Math.abs(times[0] - times[1]);
    return { ...ahead(order), ...(order !== 0 && byMs !== undefined ? { byMs } : {}) };
  }
  const [a, b] = [rank(here), rank(there)];
  return a === 0 && b === 0 ? { ahead: 'unknown' } : ahead(a - b);
}

/** No sub-sequence means that the whole record is done; KCL has 0 for that, too. */
function isPlain(...points: readonly { subSequence?: number }[]): boolean {
  return (
    points.some(({ subSequence }) => subSequence === undefined) &&
    points.every(({ subSequence = 0 }) => subSequence === 0)
  );
}

function ahead(order: number): Pick<Lead, 'ahead'> {
  return { ahead: order > 0 ? 'here' : order < 0 ? 'there' : 'same' };
}
