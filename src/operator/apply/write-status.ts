import type { ReasonOf } from '../../api/conditions.ts';
import type { GroupStatus } from '../../api/group-status.ts';
import { conditionEvents } from '../plan/status/condition-events.ts';
import { computeStatus } from '../plan/status/compute-status.ts';
import { givenUpEvents } from '../plan/status/given-up-events.ts';
import type { GroupFacts } from '../plan/group-facts.ts';
import { holdBackLag } from '../plan/scaling/hold-back-lag.ts';
import { withoutStatus } from '../observe/read-groups.ts';
import { lookAgain, type Pass } from '../reconcile-context.ts';

/** How often a status gets fresh positions when nothing else moved. */
const POSITIONS_MS = 120_000;
/** How long after a status that was written for lag alone the next such one may come. */
const LAG_MS = 30_000;
/** And after one that told of something else: what was just taken is soon read to its tip. */
const FIRST_LAG_MS = 10_000;
/** And for lag that rises by `RISE_SECONDS`. */
const RISING_MS = 10_000;
const RISE_SECONDS = 10;
/** And of a group that is stopped: what it has not processed grows by the clock alone. */
const STOPPED_MS = 300_000;
/** On the way to or from a pause, or taking up shards: a moment, as a rule. The longer it lasts, the seldomer the looks. */
const SETTLING_MS = 1_000;
const SETTLING_SHARE = 0.1;
/** How long a group that is on its way to be ready waits to tell of a step, ms: by then the next may be done, or all. */
const ON_THE_WAY_MS = 3_000;

/**
 * One write at most, and none for what only lags or moves on as always, when the last one is not long ago.
 * @returns the status as it is now, written or not
 */
export async function writeStatus(pass: Pass, facts: GroupFacts): Promise<GroupStatus> {
  const { options, statuses, object, group, memory, signal } = pass;
  const previous = group.status;
  const nowMs = options.clock.monotonic();
  const isDue = nowMs - memory.positionsMs >= POSITIONS_MS;
  const positions = isDue ? 'refresh' : 'keep';
  const computed = statuses.fit(computeStatus(facts, { previous, nowMs: options.clock.now(), positions }));
  lookWhileItSettles(pass, computed);
  const withoutLag = holdBackLag(computed, previous);
  const risingMs = rises(computed, previous) ? RISING_MS : LAG_MS;
  const isStopped = group.spec.desiredState === 'Stopped';
  const pauseMs = isStopped ? STOPPED_MS : Math.min(memory.lagPauseMs, risingMs);
  const mayLag = nowMs - memory.statusMs >= pauseMs;
  const status = mayLag ? computed : withoutLag;
  // A group that has caught up is at rest, and would not be looked at again soon.
  if (status.summary?.lag !== computed.summary?.lag) lookAgain(pass, pauseMs - (nowMs - memory.statusMs));
  if (withoutLag !== previous && isOnTheWay(computed) && previous && isOnTheWay(previous, computed)) {
    memory.untoldMs ??= nowMs;
    const leftMs = ON_THE_WAY_MS - (nowMs - memory.untoldMs);
    if (leftMs > 0) {
      lookAgain(pass, leftMs, { isExact: true });
      return computed;
    }
  }
  memory.untoldMs = undefined;
  const result = await statuses.write(object, status, signal);
  if (result.outcome === 'lost') {
    lookAgain(pass, 1_000);
    return computed;
  }
  memory.toldVersion = result.version;
  if (isDue && status === computed) memory.positionsMs = nowMs;
  if (result.outcome === 'applied') {
    memory.statusMs = nowMs;
    memory.read &&= withoutStatus(memory.read);
    memory.lagPauseMs = withoutLag === previous ? LAG_MS : FIRST_LAG_MS;
    pass.events.push(
      ...conditionEvents(previous?.conditions ?? [], status.conditions ?? []),
      ...givenUpEvents(previous?.delivery, status.delivery, object.metadata.creationTimestamp ?? ''),
    );
  }
  return computed;
}

/** To what was asked for, with nothing in the way; `than`: and to nothing newer. */
function isOnTheWay({ conditions = [], observedGeneration }: GroupStatus, than?: GroupStatus): boolean {
  if (than && than.observedGeneration !== observedGeneration) return false;
  return conditions.some(
    ({ type, status, reason }) => type === 'Reconciling' && status === 'True' && STEPS.has(reason),
  );
}

const STEPS: ReadonlySet<string> = new Set<ReasonOf<'Reconciling'>>([
  'Provisioning',
  'RollingOut',
  'HandingOver',
]);

function rises(next: GroupStatus, previous: GroupStatus | undefined): boolean {
  return (next.lag?.maxSeconds ?? 0) >= (previous?.lag?.maxSeconds ?? 0) + RISE_SECONDS;
}

function lookWhileItSettles(pass: Pass, { conditions = [] }: GroupStatus): void {
  const ready = conditions.find(({ type }) => type === 'Ready');
  if (ready?.reason !== 'Progressing') return;
  const lastedMs = pass.options.clock.now() - Date.parse(ready.lastTransitionTime);
  lookAgain(pass, Math.max(SETTLING_MS, lastedMs * SETTLING_SHARE));
}
