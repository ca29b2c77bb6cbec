import { BEFORE_RECORD, type Checkpoint } from '../kinesis/position.ts';
import type { ForeignPoint } from './foreign-store.ts';

/** For people: `4968…+3`, `SHARD_END`, `AT_TIMESTAMP 2026-…`. */
export function formatPosition(point: ForeignPoint | Checkpoint): string {
  if (point.at === 'SEQUENCE' && point.subSequence === BEFORE_RECORD) return `before ${point.sequence}`;
  if (point.at === 'SEQUENCE')
    return point.subSequence === undefined ? point.sequence : `${point.sequence}+${point.subSequence}`;
  if (point.at === 'NONE') return 'no position yet';
  if (point.at !== 'AT_TIMESTAMP') return point.at;
  return point.timestampMs === undefined
    ? point.at
    : `AT_TIMESTAMP ${new Date(point.timestampMs).toISOString()}`;
}
