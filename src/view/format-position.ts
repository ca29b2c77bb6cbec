import type { Checkpoint } from '../kinesis/position.ts';

/** A position for people and for JSON: a sequence number, `+` and the sub-sequence, or what it begins at. */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  if (checkpoint.at === 'SEQUENCE') {
    const { sequence, subSequence } = checkpoint;
    return subSequence === undefined ? sequence : `${sequence}+${subSequence}`;
  }
  if (checkpoint.at !== 'AT_TIMESTAMP') return checkpoint.at;
  return `AT_TIMESTAMP ${new Date(checkpoint.timestampMs).toISOString()}`;
}
