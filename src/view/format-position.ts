import { BEFORE_RECORD, type Checkpoint } from '../kinesis/position.ts';

/** A position for people and for JSON: `4968…+3` with the sub-sequence, `before 4968…`, or what it begins at. */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  if (checkpoint.at === 'SEQUENCE') {
    const { sequence, subSequence } = checkpoint;
    if (subSequence === BEFORE_RECORD) return `before ${sequence}`;
    return subSequence === undefined ? sequence : `${sequence}+${subSequence}`;
  }
  if (checkpoint.at !== 'AT_TIMESTAMP') return checkpoint.at;
  return `AT_TIMESTAMP ${new Date(checkpoint.timestampMs).toISOString()}`;
}
