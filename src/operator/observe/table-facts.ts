import type { GroupStatus } from '../../api/group-status.ts';
import { describeError, type ErrorCode, type KcgError } from '../../lib/errors.ts';
import type { TablePlan, TableProblem } from '../../table/plan-table.ts';
import { makerOf, tagKeysSetFor } from '../../table/table-tags.ts';
import type { ObservedTable } from '../../table/table-admin.ts';
import type { TableFacts } from '../plan/group-facts.ts';
import type { PlacedPass } from '../reconcile-context.ts';
import { tableRecordOf } from './remember-table.ts';

/** The service said no to a change, for now. */
const LIMITS: ReadonlySet<ErrorCode> = new Set(['InvalidInput', 'LimitExceeded', 'Conflict']);

const PROBLEM_REASONS = {
  NotFound: 'TableNotFound',
  Gone: 'TableGone',
  WrongKeySchema: 'TableSchemaMismatch',
  NotOurs: 'TableNotAdopted',
  Unreadable: 'TableAccessDenied',
  Replicated: 'TableReplicated',
  KeyInaccessible: 'TableKeyInaccessible',
} as const satisfies Record<TableProblem['reason'], TableFacts['reason']>;

/** A change that could not be made. */
export interface Refusal {
  /** What was, and what was asked for. */
  change: string;
  error: KcgError;
}

/** What a look at the table has shown; `notes` and `failures` keep nobody from using it. */
export function tableFacts(
  observed: ObservedTable | undefined,
  pass: PlacedPass,
  { plan, failures }: { plan: TablePlan; failures: readonly Refusal[] },
): TableFacts {
  const info = tableInfo(observed, pass);
  const { createdAt } = observed ?? {};
  const madeAt = info.created ? createdAt : undefined;
  const name = `table ${pass.target.table}`;
  switch (observed?.status) {
    case 'ACTIVE':
    case 'UPDATING': {
      const refusals = failures.map(({ change, error }) => `${change}: ${describeError(error)}`);
      const said = [`${name} is ${observed.status}`, ...refusals, ...plan.notes];
      const reason = failures.length > 0 ? 'TableChangeRefused' : reasonOf(plan);
      return { status: 'True', reason, message: said.join('; '), usable: true, info, madeAt, createdAt };
    }
    case 'DELETING':
    case 'INACCESSIBLE_ENCRYPTION_CREDENTIALS':
    case 'ARCHIVING':
    case 'ARCHIVED':
    case 'OTHER':
      return {
        status: 'Unknown',
        reason: 'TableUnknown',
        message: `${name} is ${observed.status}`,
        usable: false,
        info,
      };
    case 'CREATING':
    case undefined:
      return {
        status: 'False',
        reason: 'TableCreating',
        message: `${name} is being created`,
        usable: false,
        info,
      };
  }
}

/** What is still to be done comes with the next looks. */
function reasonOf({ heldBy, isBusy, steps }: TablePlan) {
  if (isBusy || steps.length > 0) return 'TableUpdating';
  return heldBy === undefined ? 'TableActive' : 'TableSettingsHeld';
}

export function problemFacts(
  problem: TableProblem,
  pass: PlacedPass,
  observed: ObservedTable | undefined,
): TableFacts {
  const { reason, message } = problem;
  const info = reason === 'Gone' ? { ...lastInfo(pass), status: 'GONE' } : tableInfo(observed, pass);
  return { status: 'False', reason: PROBLEM_REASONS[reason], message, usable: false, info };
}

export function awaitingFacts({ target }: PlacedPass): TableFacts {
  const message = `table ${target.table} is made once the stream is known`;
  return {
    status: 'Unknown',
    reason: 'TableUnknown',
    message,
    usable: false,
    info: { name: target.table },
  };
}

/**
 * A table that was seen can be used, even when a setting of it could not be changed; so can one that the group has worked
 * with before, since its rows may be readable when nobody tells what it is like.
 */
export function failedFacts(
  error: KcgError,
  pass: PlacedPass,
  observed: ObservedTable | undefined,
): TableFacts {
  const known = pass.memory.table?.facts;
  const usable = observed
    ? observed.status === 'ACTIVE' || observed.status === 'UPDATING'
    : (known?.usable ?? tableRecordOf(pass)?.claimed ?? false);
  const info = observed ? tableInfo(observed, pass) : (known?.info ?? lastInfo(pass));
  return { ...tableFailure(error), message: describeError(error), usable, info };
}

/** A key or an action of KMS, or the service itself; a table or a role may be called kms-…, too. */
const ABOUT_KMS = /(?<![\w./-])KMS(?![/-])|\bkms:[A-Z]|:kms:/;

/** `False` for the KMS key, denied access and what DynamoDB refuses for now; `Unknown` for any other failure. */
export function tableFailure(error: KcgError): Pick<TableFacts, 'status' | 'reason'> {
  if (ABOUT_KMS.test(error.message)) return { status: 'False', reason: 'TableKeyInaccessible' };
  if (error.code === 'AccessDenied') return { status: 'False', reason: 'TableAccessDenied' };
  if (LIMITS.has(error.code)) return { status: 'False', reason: 'TableLimited' };
  return {
    status: 'Unknown',
    reason: error.code === 'Credentials' ? 'TableCredentials' : 'TableUnreachable',
  };
}

function tableInfo(observed: ObservedTable | undefined, pass: PlacedPass): TableFacts['info'] {
  const { target, groupId, memory } = pass;
  const name = target.table;
  if (!observed) return { name };
  const lastDrift = memory.lastDrift ?? lastInfo(pass).lastDrift;
  const managedTagKeys = tagKeysSetFor(groupId, observed);
  return {
    name,
    arn: observed.arn,
    status: observed.status,
    created: makerOf(observed) === groupId,
    ttl: observed.unread?.ttl === undefined ? observed.ttlAttribute || 'off' : 'unknown',
    pitr: pitrOf(observed),
    ...(managedTagKeys.length > 0 ? { managedTagKeys } : {}),
    ...(lastDrift ? { lastDrift } : {}),
  };
}

function pitrOf({ unread, pointInTimeRecovery }: ObservedTable): string {
  if (unread?.pointInTimeRecovery !== undefined) return 'unknown';
  return pointInTimeRecovery ? 'on' : 'off';
}

/** For people: what is not known now stays as it was. */
function lastInfo({ object, target }: PlacedPass): TableFacts['info'] {
  const was = (object.status as GroupStatus | undefined)?.table;
  return was?.name === target.table ? was : { name: target.table };
}
