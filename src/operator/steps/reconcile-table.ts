import { jitterMs } from '../../lib/backoff.ts';
import { KcgError } from '../../lib/errors.ts';
import type { TableFacts } from '../plan/group-facts.ts';
import { settingsOf, type DesiredTable } from '../../table/desired-table.ts';
import { planTable, type TablePlan } from '../../table/plan-table.ts';
import { describeChange } from '../../table/table-changes.ts';
import { CREATED_BY_TAG, GROUP_TAG, isCreatedByKcg } from '../../table/table-tags.ts';
import { AskedSteps } from './asked-steps.ts';
import { observeTable } from '../observe/observe-table.ts';
import { attempt } from './pace.ts';
import { isClaimedByAnother } from './reconcile-claim.ts';
import { lookAgain, type PlacedPass } from '../reconcile-context.ts';
import { tableLimit } from './tenant-limits.ts';
import { rememberTable, tableRecordOf } from '../observe/remember-table.ts';
import { isHolderGone } from './settings-holder-gone.ts';
import { changeEvent, rememberDrift, wasSettled } from './table-drift.ts';
import {
  awaitingFacts,
  failedFacts,
  problemFacts,
  tableFacts,
  type Refusal,
} from '../observe/table-facts.ts';
import type { ObservedTable, TableAdmin, TableStep } from '../../table/table-admin.ts';

/**
 * Drift is set back within ten minutes: on top come jitter, the pause of a group at rest, and the minute for which what was
 * read of a table serves all its groups.
 */
const FRESH_MS = 440_000;
/** Times that steps are done in one pass. */
const ROUNDS = 2;
/** While the table is being created or changed. */
const BUSY_MS = 2_000;
const FAILED_MS = 30_000;

/** Creates the table or brings it to what the spec says, one look at a time; an answer serves for seven minutes. */
export async function reconcileTable(
  pass: PlacedPass,
  { mayCreate }: { mayCreate: boolean },
): Promise<TableFacts> {
  const { memory, options } = pass;
  const nowMs = options.clock.monotonic();
  const desired = desiredTable(pass);
  // What else of the spec changes, as replicas do all day, does not concern it.
  const wanted = JSON.stringify(desired);
  const known = memory.table?.wanted === wanted ? memory.table : undefined;
  if (known && nowMs < known.nextMs) {
    await rememberMaker(pass);
    lookAgain(pass, known.nextMs - nowMs, { isExact: true });
    return known.facts;
  }
  const was = wasSettled(pass, wanted);
  const looked = await look(pass, { desired, wanted, mayCreate, isDrift: was });
  const { facts, freshMs, isSettled = was, isRefused = false } = looked;
  await rememberMaker(pass);
  if (freshMs === undefined) return facts;
  // A limit of the service may last for days.
  const refusals = isRefused ? (known?.refusals ?? 0) + 1 : 0;
  const serveMs = isRefused ? Math.min(FRESH_MS, FAILED_MS * 2 ** (refusals - 1)) : freshMs;
  const inMs = jitterMs(serveMs, 0.1, options.random);
  memory.table = { facts, wanted, nextMs: nowMs + inMs, isSettled, refusals };
  lookAgain(pass, inMs, { isExact: true });
  return facts;
}

interface Look {
  facts: TableFacts;
  /** Undefined = the next pass looks again. */
  freshMs: number | undefined;
  /** Undefined = as before: a table that changes, or cannot be looked at, does not tell. */
  isSettled?: boolean;
  isRefused?: boolean;
}

interface Wish {
  desired: DesiredTable;
  /** `desired` as text. */
  wanted: string;
  mayCreate: boolean;
  /** What differs has been changed by somebody else. */
  isDrift: boolean;
}

async function look(pass: PlacedPass, { desired, wanted, mayCreate, isDrift }: Wish): Promise<Look> {
  const admin = pass.options.aws.tableAdmin(pass.target);
  const asked = askedIn(pass, wanted);
  const tried: Tried = { failures: new Map(), taken: [], asked, isDrift, drift: [] };
  let observed: ObservedTable | undefined;
  try {
    observed = await observeTable(pass, admin);
    for (let round = 1; ; round += 1) {
      const plan = await planFor(pass, { desired, observed, tried });
      if (plan.problem) {
        const facts = problemFacts(plan.problem, pass, observed);
        // One that comes back from a backup lacks its settings.
        return { facts, freshMs: FAILED_MS, ...(observed ? {} : { isSettled: false }) };
      }
      const isNew = plan.steps.some((step) => step.do === 'create');
      if (isNew && !mayCreate) return { facts: awaitingFacts(pass), freshMs: undefined };
      const limited = isNew ? await tableLimit(pass) : undefined;
      if (limited) return { facts: limited, freshMs: FAILED_MS };
      // Creating comes first, then what only a table that exists can be told; one that was refused costs no round.
      if (plan.steps.length === 0 || round > ROUNDS + tried.failures.size) {
        return settle(pass, { plan, observed, tried });
      }
      await applySteps(pass, { admin, steps: plan.steps, observed, tried });
      // What was asked for takes a moment, or none.
      observed = await observeTable(pass, admin);
      if (isNew) observed = await knowMaker(pass, { observed, tried });
    }
  } catch (thrown) {
    if (pass.signal.aborted) throw thrown;
    if (!observed && !isMade(tried)) pass.tenants.booked.freeTable(pass.object.metadata.uid);
    return { facts: failedFacts(KcgError.from(thrown), pass, observed), freshMs: FAILED_MS };
  }
}

/** Steps that are the same for whoever uses the table. */
const FOR_ALL: ReadonlySet<TableStep['do']> = new Set(['create', 'enable ttl', 'disable ttl']);

/** What one look has asked for. */
interface Tried {
  failures: Map<TableStep['do'], Refusal>;
  taken: TableStep[];
  asked: AskedSteps;
  isDrift: boolean;
  /** What of that was set back. */
  drift: string[];
}

async function planFor(
  pass: PlacedPass,
  { desired, observed, tried }: { desired: DesiredTable; observed: ObservedTable | undefined; tried: Tried },
): Promise<TablePlan> {
  const existed = tableRecordOf(pass)?.claimed ?? false;
  const refused = new Set(tried.failures.keys());
  const history = { existed, refused, inVain: tried.asked.inVain };
  let plan = planTable(desired, observed, history);
  const { heldBy: gone } = plan;
  if (observed && gone !== undefined && (await isHolderGone(pass, gone, observed)))
    plan = planTable(desired, observed, { ...history, gone });
  const isSetting = plan.steps.some((step) => !FOR_ALL.has(step.do));
  // Each of two resources of one group id would take the settings for its own.
  if (!isSetting || !(await isClaimedByAnother(pass))) return plan;
  return planTable(desired, observed, { ...history, isRival: true });
}

/** What was in vain is tried anew once something else is wanted. */
function askedIn({ memory }: PlacedPass, wanted: string): AskedSteps {
  if (memory.asked?.wanted !== wanted) memory.asked = { wanted, steps: new AskedSteps() };
  return memory.asked.steps;
}

function settle(
  pass: PlacedPass,
  { plan, observed, tried }: { plan: TablePlan; observed: ObservedTable | undefined; tried: Tried },
): Look {
  const { failures, taken, asked } = tried;
  asked.settle(plan, taken);
  const facts = tableFacts(observed, pass, { plan, failures: [...failures.values()] });
  if (failures.size > 0) return { facts, freshMs: FAILED_MS, isRefused: true };
  const isDone = plan.steps.length === 0 && !plan.isBusy;
  if (isDone) return { facts, freshMs: FRESH_MS, isSettled: plan.heldBy === undefined };
  return { facts, freshMs: BUSY_MS * 2 ** Math.max(0, asked.most - 1) };
}

/** A setting that cannot be changed keeps neither the others from being, nor the table from being used. */
async function applySteps(
  pass: PlacedPass,
  {
    admin,
    steps,
    observed,
    tried: { failures, taken, asked, isDrift, drift },
  }: {
    admin: TableAdmin;
    steps: readonly TableStep[];
    observed: ObservedTable | undefined;
    tried: Tried;
  },
): Promise<void> {
  const { target, signal } = pass;
  for (const step of steps) {
    const change = observed ? describeChange(step, observed) : step.do;
    try {
      const outcome = await admin.apply(step, { signal });
      if (outcome === 'done') taken.push(step);
      if (outcome === 'unknown') asked.giveUp(step);
      // It counts for whoever was first, and that one tells of it.
      if (outcome === 'raced' && step.do === 'create')
        pass.tenants.booked.freeTable(pass.object.metadata.uid);
      if (outcome !== 'done') continue;
    } catch (thrown) {
      if (signal.aborted || step.do === 'create') throw thrown;
      failures.set(step.do, { change, error: KcgError.from(thrown) });
      continue;
    }
    if (isDrift) drift.push(change);
    pass.events.push(step.do === 'create' ? creatingEvent(target.table) : changeEvent(pass, change, isDrift));
  }
  rememberDrift(pass, drift);
}

function isMade({ taken }: Tried): boolean {
  return taken.some((step) => step.do === 'create');
}

/** Where the table's tags do not say that this group has just made it, the resource has to. */
async function knowMaker(
  pass: PlacedPass,
  { observed, tried }: { observed: ObservedTable | undefined; tried: Tried },
): Promise<ObservedTable | undefined> {
  if (!observed || !isMade(tried)) return observed;
  const { createdAt } = observed;
  pass.memory.made = { createdAt, atMs: pass.options.clock.monotonic() };
  if (isCreatedByKcg(observed)) return observed;
  pass.memory.madeAt = createdAt;
  return { ...observed, maker: pass.groupId };
}

/** Until the claim is written, nobody else could say so after a restart. */
async function rememberMaker(pass: PlacedPass): Promise<void> {
  const { madeAt } = pass.memory;
  if (madeAt === undefined || tableRecordOf(pass)?.createdAt === madeAt) return;
  await attempt(pass, { step: 'claim', thing: 'table' }, () => rememberTable(pass, { createdAt: madeAt }));
}

/** What the spec asks of the table, defaults for its creation included. */
export function desiredTable({
  group,
  groupId,
  target,
}: Pick<PlacedPass, 'group' | 'groupId' | 'target'>): DesiredTable {
  const { table, deletionPolicy } = group.spec.checkpoints;
  return {
    name: target.table,
    management: table.management,
    adoption: table.adoption,
    ownershipTags: { [CREATED_BY_TAG]: 'kcg', [GROUP_TAG]: groupId },
    defaultDeletionProtection: deletionPolicy !== 'Delete',
    ...settingsOf(table),
  };
}

function creatingEvent(table: string): PlacedPass['events'][number] {
  const note = `table ${table}: create`;
  return { type: 'Normal', reason: 'TableCreating', note, action: 'ReconcileTable', isStep: true };
}
