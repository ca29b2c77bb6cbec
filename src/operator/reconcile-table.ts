import type { GroupStatus } from '../api/group-status.ts';
import { jitterMs } from '../lib/backoff.ts';
import { describeError, KcgError, type ErrorCode } from '../lib/errors.ts';
import type { PlannedEvent } from './plan/condition-events.ts';
import type { TableFacts } from './plan/group-facts.ts';
import {
  CREATED_BY_TAG,
  GROUP_TAG,
  isCreatedByKcg,
  isSetBy,
  planTable,
  type DesiredTable,
  type TableHistory,
  type TableProblem,
} from '../table/plan-table.ts';
import { lookAgain, type PlacedPass } from './reconcile-context.ts';
import { tableRecordOf } from './remember-table.ts';
import type { ObservedTable, TableAdmin, TableStep } from '../table/table-admin.ts';

/** Drift is looked for this often. */
const FRESH_MS = 600_000;
/** Times that steps are done in one pass. */
const ROUNDS = 2;
/** While the table is being created or changed. */
const BUSY_MS = 2_000;
const FAILED_MS = 30_000;
/** The service said no to a change, for now. */
const LIMITS: ReadonlySet<ErrorCode> = new Set(['InvalidInput', 'LimitExceeded', 'Conflict']);

const PROBLEM_REASONS = {
  NotFound: 'TableNotFound',
  Gone: 'TableGone',
  WrongKeySchema: 'TableSchemaMismatch',
  NotOurs: 'TableNotAdopted',
  Unreadable: 'TableAccessDenied',
  KeyInaccessible: 'TableKeyInaccessible',
} as const satisfies Record<TableProblem['reason'], TableFacts['reason']>;

/**
 * Creates the table or brings it to what the spec says, one look at a time; an answer serves for ten minutes.
 */
export async function reconcileTable(
  pass: PlacedPass,
  { mayCreate }: { mayCreate: boolean },
): Promise<TableFacts> {
  const { memory, group, options } = pass;
  const nowMs = options.clock.monotonic();
  const known = memory.table;
  const { generation } = group.metadata;
  if (known && known.generation === generation && nowMs < known.nextMs) {
    lookAgain(pass, known.nextMs - nowMs);
    return known.facts;
  }
  const { facts, freshMs } = await look(pass, mayCreate);
  if (freshMs === undefined) return facts;
  const inMs = jitterMs(freshMs, 0.1, options.random);
  memory.table = { facts, generation, nextMs: nowMs + inMs };
  lookAgain(pass, inMs);
  return facts;
}

async function look(
  pass: PlacedPass,
  mayCreate: boolean,
): Promise<{ facts: TableFacts; freshMs: number | undefined }> {
  const { options, target, signal } = pass;
  const admin = options.aws.tableAdmin(target);
  const desired = desiredTable(pass);
  const failures = new Map<TableStep['do'], KcgError>();
  let observed: ObservedTable | undefined;
  try {
    observed = await admin.describe({ signal });
    for (let round = 1; ; round += 1) {
      const history = {
        ...historyOf(pass, observed),
        refused: new Set(failures.keys()),
      };
      const plan = planTable(desired, observed, history);
      if (!mayCreate && plan.steps.some((step) => step.do === 'create')) {
        return { facts: awaitingFacts(pass), freshMs: undefined };
      }
      if (plan.problem) return { facts: problemFacts(plan.problem, pass, observed), freshMs: FAILED_MS };
      // Creating comes first, then what only a table that exists can be told; one that was refused costs no round.
      if (plan.steps.length === 0 || round > ROUNDS + failures.size) {
        const isSettled = plan.steps.length === 0 && !plan.isBusy;
        const facts = tableFacts(observed, pass, { notes: plan.notes, failures: [...failures.values()] });
        if (failures.size > 0) return { facts, freshMs: FAILED_MS };
        return { facts, freshMs: isSettled ? FRESH_MS : BUSY_MS };
      }
      await applySteps(pass, { admin, steps: plan.steps, failures });
      // What was asked for takes a moment, or none.
      observed = await admin.describe({ signal });
    }
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    return { facts: failedFacts(KcgError.from(thrown), pass, observed), freshMs: FAILED_MS };
  }
}

/** A setting that cannot be changed keeps neither the others from being, nor the table from being used. */
async function applySteps(
  pass: PlacedPass,
  {
    admin,
    steps,
    failures,
  }: { admin: TableAdmin; steps: readonly TableStep[]; failures: Map<TableStep['do'], KcgError> },
): Promise<void> {
  const { target, signal } = pass;
  for (const step of steps) {
    try {
      await admin.apply(step, { signal });
    } catch (thrown) {
      if (signal.aborted || step.do === 'create') throw thrown;
      failures.set(step.do, KcgError.from(thrown));
      continue;
    }
    pass.events.push(stepEvent(step, target.table));
  }
}

/** What the spec asks of the table, defaults for its creation included. */
export function desiredTable({
  group,
  groupId,
  target,
}: Pick<PlacedPass, 'group' | 'groupId' | 'target'>): DesiredTable {
  const { table, deletionPolicy } = group.spec.checkpoints;
  const { billing } = table;
  return {
    name: target.table,
    management: table.management,
    adoption: table.adoption,
    ownershipTags: { [CREATED_BY_TAG]: 'kcg', [GROUP_TAG]: groupId },
    tags: table.tags,
    billing:
      billing?.mode === 'Provisioned'
        ? {
            mode: 'Provisioned',
            readCapacityUnits: billing.readCapacityUnits ?? 1,
            writeCapacityUnits: billing.writeCapacityUnits ?? 1,
          }
        : billing && { mode: 'OnDemand' },
    deletionProtection: table.deletionProtection,
    defaultDeletionProtection: deletionPolicy !== 'Delete',
    pointInTimeRecovery: table.pointInTimeRecovery,
    kmsKeyArn: table.encryption?.kmsKeyArn,
    tableClass: table.tableClass,
  };
}

function tableFacts(
  observed: ObservedTable | undefined,
  pass: PlacedPass,
  { notes, failures }: { notes: readonly string[]; failures: readonly KcgError[] },
): TableFacts {
  const info = tableInfo(observed, pass);
  const name = `table ${pass.target.table}`;
  switch (observed?.status) {
    case 'ACTIVE':
    case 'UPDATING': {
      const said = [`${name} is ${observed.status}`, ...failures.map(describeError), ...notes];
      const inOrder = observed.status === 'ACTIVE' ? 'TableActive' : 'TableUpdating';
      const reason = failures.length > 0 ? 'TableChangeRefused' : inOrder;
      return { status: 'True', reason, message: said.join('; '), usable: true, info };
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

function problemFacts(
  problem: TableProblem,
  pass: PlacedPass,
  observed: ObservedTable | undefined,
): TableFacts {
  const { reason, message } = problem;
  const info = reason === 'Gone' ? { ...lastInfo(pass), status: 'GONE' } : tableInfo(observed, pass);
  return { status: 'False', reason: PROBLEM_REASONS[reason], message, usable: false, info };
}

function awaitingFacts({ target }: PlacedPass): TableFacts {
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
function failedFacts(error: KcgError, pass: PlacedPass, observed: ObservedTable | undefined): TableFacts {
  const known = pass.memory.table?.facts;
  const usable = observed
    ? observed.status === 'ACTIVE' || observed.status === 'UPDATING'
    : (known?.usable ?? tableRecordOf(pass)?.claimed ?? false);
  const info = observed ? tableInfo(observed, pass) : (known?.info ?? lastInfo(pass));
  return { ...tableFailure(error), message: describeError(error), usable, info };
}

/** `False` for the KMS key, denied access and what DynamoDB refuses for now; `Unknown` for any other failure. */
export function tableFailure(error: KcgError): Pick<TableFacts, 'status' | 'reason'> {
  if (/\bKMS/i.test(error.message)) return { status: 'False', reason: 'TableKeyInaccessible' };
  if (error.code === 'AccessDenied') return { status: 'False', reason: 'TableAccessDenied' };
  if (LIMITS.has(error.code)) return { status: 'False', reason: 'TableLimited' };
  return {
    status: 'Unknown',
    reason: error.code === 'Credentials' ? 'TableCredentials' : 'TableUnreachable',
  };
}

function tableInfo(
  observed: ObservedTable | undefined,
  { target, group, groupId }: PlacedPass,
): TableFacts['info'] {
  const name = target.table;
  if (!observed) return { name };
  const { management, tags } = group.spec.checkpoints.table;
  const isSet = management === 'Managed' && isSetBy(groupId, observed);
  const managedTagKeys = isSet ? Object.keys(tags ?? {}).sort() : [];
  return {
    name,
    arn: observed.arn,
    status: observed.status,
    created: isCreatedByKcg(observed) && observed.tags[GROUP_TAG] === groupId,
    ttl: observed.unread?.ttl === undefined ? observed.ttlAttribute || 'off' : 'unknown',
    pitr: pitrOf(observed),
    ...(managedTagKeys.length > 0 ? { managedTagKeys } : {}),
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

function historyOf(pass: PlacedPass, observed: ObservedTable | undefined): TableHistory {
  const was = lastInfo(pass);
  const managedTagKeys = was.arn === observed?.arn ? (was.managedTagKeys ?? []) : [];
  return { existed: tableRecordOf(pass)?.claimed ?? false, managedTagKeys };
}

function stepEvent(step: TableStep, table: string): PlannedEvent {
  const reason = step.do === 'create' ? 'TableCreating' : 'TableChanged';
  return { type: 'Normal', reason, note: `table ${table}: ${step.do}`, action: 'ReconcileTable' };
}
