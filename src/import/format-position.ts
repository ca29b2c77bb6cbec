import type { Checkpoint } from '../kinesis/position.ts';
import { formatCheckpoint } from '../view/format-position.ts';
import type { ForeignPoint } from './foreign-store.ts';

/** For people: as a position of ours, and what only other programs' rows say. */
export function formatPosition(point: ForeignPoint | Checkpoint): string {
  if (point.at === 'NONE') return 'no position yet';
  if (point.at === 'LATEST') return point.at;
  if (point.at !== 'AT_TIMESTAMP') return formatCheckpoint(point);
  const { at, timestampMs } = point;
  return timestampMs === undefined ? at : formatCheckpoint({ at, timestampMs });
}
