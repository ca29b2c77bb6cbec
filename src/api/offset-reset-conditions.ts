const COMPLETE = {
  Reset: 'The positions are where they were to go, and the group may go on from there; nothing to do.',
  DryRun:
    'status.shards shows what would become of each position; nothing was written. Create another reset without dryRun to do it.',
  AlreadyOver:
    'It is a copy of a reset that was over, as a backup brings it back, and is not done again; nothing was written. To do it again, create one without the annotation kcg.dev/over.',
  GroupNotReady:
    'The group is there, but its stream, table or claim cannot be used yet, or nobody may work on it; its own conditions say why. The reset goes on by itself after that; where the group is being deleted, with the next one of its name.',
  Waiting:
    'Another reset comes first, the table is busy, or a right is missing; the message says which. It goes on by itself after that.',
  StoppingWorkers:
    'Workers finish what they have begun and release their shards; as long as their handlers take, at most leases.handoffTimeoutSeconds.',
  Writing: 'The positions are being written; wait a moment. No worker owns a shard meanwhile.',
} as const;

/** Waited for, however long: reset and group may be applied in any order. */
const ABSENT = {
  GroupNotFound:
    'There is no such KinesisConsumerGroup in this namespace. Create it, and the reset goes on by itself; or delete the reset, and name the right group in another. Stalled is True after a minute.',
} as const;

const FAILED = {
  InvalidSpec: 'The spec cannot work; correct it in another reset, as the message says.',
  WorkersRunning:
    'Workers of the group run, and whileRunning is Refuse: stop the group (desiredState Stopped or Paused), or create another reset with whileRunning Stop.',
  PositionsRefused:
    'The positions cannot be of this stream, lie in the future, or are of a group that has read its range; the message names them. Nothing was written.',
  SnapshotNotFound:
    'The reset to undo, or its snapshot, is not there (any more): snapshots are kept for 90 days. Nothing was written.',
  SourceNotFound:
    'The group whose positions were to be taken has none, or is not there. Nothing was written.',
} as const;

const RECONCILING = {
  Done: 'Nothing is under way.',
  UnderWay: 'The reset is on its way; Complete says what it waits for.',
} as const;

/** Every condition and reason of a KinesisOffsetReset. Reasons are stable: scripts may depend on them. */
export const RESET_CONDITIONS = {
  Complete: {
    meaning: 'The reset is over, and did what was asked.',
    abnormal: false,
    reasons: { ...COMPLETE, ...ABSENT, ...FAILED },
  },
  Reconciling: { meaning: 'The reset is under way.', abnormal: true, reasons: RECONCILING },
  Stalled: {
    meaning:
      'The reset has failed, and is not tried again; or it has no group, and waits for one. Nothing of it was written.',
    abnormal: true,
    reasons: { NotFailed: 'It has not failed.', ...ABSENT, ...FAILED },
  },
} as const;

export type CompleteReason = keyof typeof COMPLETE | keyof typeof ABSENT;
export type FailedReason = keyof typeof FAILED;
