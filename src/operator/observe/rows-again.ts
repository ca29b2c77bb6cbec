import { CAUGHT_UP_MS } from '../../view/judge-shard.ts';
import type { GroupView } from '../../view/group-view.ts';
import { IDLE_MS, lookAgain, pollMsOf, type PlacedPass } from '../reconcile-context.ts';

/** Between two looks at a group in which nothing happens, and of which a worker tells when something does, ms. */
const QUIET_MS = 90_000;
/** What is given up is told by no worker but the one that does it, and then not at once in the status either. */
const GIVING_UP_MS = 30_000;

/** When the rows of a group with workers are read again. */
export function lookAtRowsAgain(pass: PlacedPass, view: GroupView | undefined): void {
  const { memory, options } = pass;
  memory.isQuiet = memory.isTold && isQuiet(pass, view);
  if (!memory.isQuiet) return lookAgain(pass, pollMsOf(options));
  const { maxAttempts, maxRecordAgeSeconds } = pass.group.spec.handler.retry;
  const mayGiveUp = maxAttempts >= 0 || maxRecordAgeSeconds >= 0;
  if (mayGiveUp) lookAgain(pass, GIVING_UP_MS);
  // Nothing else has asked for a look either.
  else if (pass.again.inMs === IDLE_MS) pass.again.inMs = QUIET_MS;
}

/**
 * Every shard has an owner and is caught up, and nothing is on its way: what comes next changes the rows of workers, the pods
 * or the resource. Anything else moves by the clock, and has to be looked at.
 */
function isQuiet(pass: PlacedPass, view: GroupView | undefined): boolean {
  const { memory, failures, refused, group } = pass;
  if (!view || failures.length > 0 || refused.length > 0 || memory.outage) return false;
  // Which is made of how lag moves from look to look.
  if (group.spec.scaling.mode === 'Lag') return false;
  if (view.resharding || view.ownedShards < view.readableShards || view.handlerTrouble) return false;
  if (view.workers.some(({ row }) => row.state === 'draining' || row.readTrouble !== undefined)) return false;
  return view.shards.every(
    ({ state, lagMs = 0, judged }) =>
      state === 'ended' || (lagMs < CAUGHT_UP_MS && (judged?.judgement ?? 'OK') === 'OK'),
  );
}
