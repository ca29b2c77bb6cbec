import type { ConditionType, ReasonOf } from './conditions.ts';
import type { CompleteReason, FailedReason } from './offset-reset-conditions.ts';

/** What Events of a group tell beside its conditions; each with what it means and what to do. Reasons are stable. */
export const EVENTS = {
  Claimed: 'The group id now belongs to this resource; nothing to do.',
  ConsumerKept:
    'A stream consumer that was registered for the group stays though the group needs it no more, since another group reads with it, or another resource has taken the group id over and may; deregister it by hand once that one is gone. The log of the operator has it, too.',
  ConsumerRegistered: 'A stream consumer was registered, and goes with the group; nothing to do.',
  ConsumerRemoved: 'A stream consumer that was registered for the group was removed; nothing to do.',
  FailedOver: 'The shards of a worker that died have an owner again, after the time it names; nothing to do.',
  FieldConflict:
    'Somebody else changes the Deployment or PodDisruptionBudget, or has one of its name; the message says which, and what was set back. Stop the other, or delete or rename its object.',
  OtherOperator:
    'Another operator looks after the group, so this one keeps off; remove one of them, or give each its own watchNamespaces. Where it is gone and cannot be looked for, the message has the command that gives the group to this one.',
  PositionsImported: 'The positions of another consumer are those of the group now; nothing to do.',
  RecordsGivenUp:
    'The handler does not get some records again, as handler.retry says; they are where handler.onFailure says, and kcg redrive hands them over anew. Without it, the log of the workers has their positions.',
  RowsKept:
    "The group was deleted, and not all of its rows or its table were, for the reason in the message; delete what is left by hand, if it is nobody's. The log of the operator has it, too.",
  RowsRemoved:
    'The group was deleted, and its rows were removed, or expire, as deletionPolicy says; nothing to do.',
  Scaled: 'The number of workers was changed, for the reason in the message; nothing to do.',
  StatusRefused:
    'The definition in the cluster is older than the operator, so fields of the status are left out; apply the definitions that came with the operator.',
  TableChanged: 'A setting of the table was changed, as the spec asks; nothing to do.',
  TableDeleted: 'The group was deleted, and its table with it, as deletionPolicy says; nothing to do.',
  TableDrift:
    'Somebody else had changed what the spec says of the table, and it is set back; put the change into the spec to keep it.',
  WorkerFenced:
    'A worker ended or fell silent, and its shards go to others; look why it did: kubectl logs --previous, the events of its pod, its CPU. Nothing to do for the shards.',
} as const;

/** Of a group's conditions when one turns bad or the group ready, of a reset's whenever it is another. */
export type EventReason = keyof typeof EVENTS | ReasonOf<ConditionType> | CompleteReason | FailedReason;
