import type { GroupStatus } from '../api/group-status.ts';
import { conditionEvents } from './plan/condition-events.ts';
import { computeStatus } from './plan/compute-status.ts';
import { givenUpEvents } from './plan/given-up-events.ts';
import type { GroupFacts } from './plan/group-facts.ts';
import { holdBackLag } from './plan/hold-back-lag.ts';
import { lookAgain, type Pass } from './reconcile-context.ts';

/** How often a status gets fresh positions when nothing else moved. */
const POSITIONS_MS = 120_000;
/** How long after a status one is written for lag alone. */
const LAG_MS = 30_000;
/** And for lag that rises by `RISE_SECONDS`. */
const RISING_MS = 10_000;
const RISE_SECONDS = 10;
/** On the way to or from a pause, or taking up shards: a moment, as a rule. The longer it lasts, the seldomer the looks. */
const SETTLING_MS = 1_000;
const SETTLING_SHARE = 0.1;

/** One write at most, and none for what only lags or moves on as always, when the last one is not long ago. */
export async function writeStatus(pass: Pass, facts: GroupFacts): Promise<void> {
  const { options, statuses, object, group, memory, signal } = pass;
  const previous = group.status;
  const nowMs = options.clock.monotonic();
  const isDue = nowMs - memory.positionsMs >= POSITIONS_MS;
  const positions = isDue ? 'refresh' : 'keep';
  const computed = statuses.fit(computeStatus(facts, { previous, nowMs: options.clock.now(), positions }));
  lookWhileItSettles(pass, computed);
  const mayLag = nowMs - memory.statusMs >= (rises(computed, previous) ? RISING_MS : LAG_MS);
  const status = mayLag ? computed : holdBackLag(computed, previous);
  const result = await statuses.write(object, status, signal);
  if (result === 'lost') return lookAgain(pass, 1_000);
  if (isDue && status === computed) memory.positionsMs = nowMs;
  if (result === 'applied') {
    memory.statusMs = nowMs;
    pass.events.push(
      ...conditionEvents(previous?.conditions ?? [], status.conditions ?? []),
      ...givenUpEvents(previous?.delivery, status.delivery),
    );
  }
}

function rises(next: GroupStatus, previous: GroupStatus | undefined): boolean {
  return (next.lag?.maxSeconds ?? 0) >= (previous?.lag?.maxSeconds ?? 0) + RISE_SECONDS;
}

function lookWhileItSettles(pass: Pass, { conditions = [] }: GroupStatus): void {
  const ready = conditions.find(({ type }) => type === 'Ready');
  if (ready?.reason !== 'Progressing') return;
  const lastedMs = pass.options.clock.now() - Date.parse(ready.lastTransitionTime);
  lookAgain(pass, Math.max(SETTLING_MS, lastedMs * SETTLING_SHARE));
}
