import { jitterMs } from '../lib/backoff.ts';
import { KcgError } from '../lib/errors.ts';
import type { PlannedEvent } from './plan/condition-events.ts';
import type { TableFacts } from './plan/group-facts.ts';
import { settingsOf, type DesiredTable } from '../table/desired-table.ts';
import { planTable, type TablePlan } from '../table/plan-table.ts';
import { CREATED_BY_TAG, GROUP_TAG, isCreatedByKcg } from '../table/table-tags.ts';
import { AskedSteps } from './asked-steps.ts';
import { observeTable } from './observe-table.ts';
import { attempt } from './pace.ts';
import { lookAgain, type PlacedPass } from './reconcile-context.ts';
import { rememberTable, tableRecordOf } from './remember-table.ts';
import { awaitingFacts, failedFacts, problemFacts, tableFacts } from './table-facts.ts';
import type { ObservedTable, TableAdmin, TableStep } from '../table/table-admin.ts';

/** Drift is looked for this often. */
const FRESH_MS = 600_000;
/** Times that steps are done in one pass. */
const ROUNDS = 2;
/** While the table is being created or changed. */
const BUSY_MS = 2_000;
const FAILED_MS = 30_000;

/** Creates the table or brings it to what the spec says, one look at a time; an answer serves for ten minutes. */
export async function reconcileTable(
  pass: PlacedPass,
  { mayCreate }: { mayCreate: boolean },
): Promise<TableFacts> {
  const { memory, group, options } = pass;
  const nowMs = options.clock.monotonic();
  const known = memory.table;
  const { generation } = group.metadata;
  if (known && known.generation === generation && nowMs < known.nextMs) {
    await rememberMaker(pass);
    lookAgain(pass, known.nextMs - nowMs);
    return known.facts;
  }
  const { facts, freshMs } = await look(pass, mayCreate);
  await rememberMaker(pass);
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
  const admin = pass.options.aws.tableAdmin(pass.target);
  const desired = desiredTable(pass);
  const existed = tableRecordOf(pass)?.claimed ?? false;
  const tried: Tried = { failures: new Map(), taken: [], asked: askedIn(pass) };
  let observed: ObservedTable | undefined;
  try {
    observed = await observeTable(pass, admin);
    for (let round = 1; ; round += 1) {
      const refused = new Set(tried.failures.keys());
      const plan = planTable(desired, observed, { existed, refused, inVain: tried.asked.inVain });
      if (plan.problem) return { facts: problemFacts(plan.problem, pass, observed), freshMs: FAILED_MS };
      const isNew = plan.steps.some((step) => step.do === 'create');
      if (isNew && !mayCreate) return { facts: awaitingFacts(pass), freshMs: undefined };
      // Creating comes first, then what only a table that exists can be told; one that was refused costs no round.
      if (plan.steps.length === 0 || round > ROUNDS + tried.failures.size) {
        const failures = [...tried.failures.values()];
        const facts = tableFacts(observed, pass, { notes: plan.notes, failures });
        return { facts, freshMs: settle(plan, tried) };
      }
      await applySteps(pass, { admin, steps: plan.steps, tried });
      // What was asked for takes a moment, or none.
      observed = await observeTable(pass, admin);
      if (isNew) observed = await knowMaker(pass, { observed, tried });
    }
  } catch (thrown) {
    if (pass.signal.aborted) throw thrown;
    return { facts: failedFacts(KcgError.from(thrown), pass, observed), freshMs: FAILED_MS };
  }
}

/** What one look has asked for. */
interface Tried {
  failures: Map<TableStep['do'], KcgError>;
  taken: TableStep[];
  asked: AskedSteps;
}

/** Of this generation of the spec: another may ask for what was in vain. */
function askedIn({ memory, group }: PlacedPass): AskedSteps {
  const { generation } = group.metadata;
  if (memory.asked?.generation !== generation) memory.asked = { generation, steps: new AskedSteps() };
  return memory.asked.steps;
}

/** @returns how long the look serves, ms */
function settle(plan: TablePlan, { failures, taken, asked }: Tried): number {
  asked.settle(plan, taken);
  if (failures.size > 0) return FAILED_MS;
  if (plan.steps.length === 0 && !plan.isBusy) return FRESH_MS;
  return BUSY_MS * 2 ** Math.max(0, asked.most - 1);
}

/** A setting that cannot be changed keeps neither the others from being, nor the table from being used. */
async function applySteps(
  pass: PlacedPass,
  {
    admin,
    steps,
    tried: { failures, taken, asked },
  }: { admin: TableAdmin; steps: readonly TableStep[]; tried: Tried },
): Promise<void> {
  const { target, signal } = pass;
  for (const step of steps) {
    try {
      const outcome = await admin.apply(step, { signal });
      if (outcome === 'unknown') asked.giveUp(step);
      if (outcome === 'done') taken.push(step);
      if (outcome === 'unknown') continue;
    } catch (thrown) {
      if (signal.aborted || step.do === 'create') throw thrown;
      failures.set(step.do, KcgError.from(thrown));
      continue;
    }
    pass.events.push(stepEvent(step, target.table));
  }
}

/** Where the table's tags do not say that this group has just made it, the resource has to. */
async function knowMaker(
  pass: PlacedPass,
  { observed, tried }: { observed: ObservedTable | undefined; tried: Tried },
): Promise<ObservedTable | undefined> {
  const isMade = tried.taken.some((step) => step.do === 'create');
  if (!observed || !isMade || isCreatedByKcg(observed)) return observed;
  pass.memory.madeAt = observed.createdAt;
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

function stepEvent(step: TableStep, table: string): PlannedEvent {
  const reason = step.do === 'create' ? 'TableCreating' : 'TableChanged';
  return { type: 'Normal', reason, note: `table ${table}: ${step.do}`, action: 'ReconcileTable' };
}
