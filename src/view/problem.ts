import { CONDITIONS, type ConditionType } from '../api/conditions.ts';

/** `error`: work stands or records are in danger. `warning`: it will, or nobody can tell. `note`: as asked, and good to know. */
export type Severity = 'error' | 'warning' | 'note';

export interface Problem {
  severity: Severity;
  /** CamelCase: the condition's reason where a condition says it. */
  reason: string;
  what: string;
  /** What to do, a sentence; undefined = nothing, or `what` says it. */
  next: string | undefined;
}

/** Their messages say what to do, in the words of the case: what is documented of all cases would say it twice. */
const SAYS_WHAT_TO_DO: ReadonlySet<string> = new Set([
  'RegionUnknown',
  'StreamNotFound',
  'StreamReplaced',
  'RangeReplaced',
  'StreamAccessDenied',
  'TableNotFound',
  'TableGone',
  'TableNotAdopted',
  'TableSchemaMismatch',
  'TableAccessDenied',
  'TableReplicated',
  'TableKeyInaccessible',
  'ClaimedByOtherResource',
  'ClaimedByOtherCluster',
  'TableSettingsHeld',
  'UnknownShards',
]);

const OWN_CREDENTIALS = 'Workers have credentials of their own and go on.';
const OWN_CALLS = 'It is tried again; workers go on as long as they are answered.';
/** Theirs do, too, and this is left to be said. */
const LEFT_TO_SAY: Readonly<Record<string, string>> = {
  StreamCredentials: OWN_CREDENTIALS,
  TableCredentials: OWN_CREDENTIALS,
  StreamUnreachable: OWN_CALLS,
  TableUnreachable: OWN_CALLS,
};

/** What is documented to be done; a reason of another release is not known here. */
export function adviceOn(type: string, reason: string): string | undefined {
  if (!Object.hasOwn(CONDITIONS, type) || SAYS_WHAT_TO_DO.has(reason)) return undefined;
  if (Object.hasOwn(LEFT_TO_SAY, reason)) return LEFT_TO_SAY[reason];
  return (CONDITIONS[type as ConditionType].reasons as Readonly<Record<string, string>>)[reason];
}
