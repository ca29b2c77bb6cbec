import { INACTIVITY_MS } from '../kubernetes/kube/reflector.ts';

/** What a process shows of itself; times are of its monotonic clock, ms. */
export interface SignsOfLife {
  nowMs: number;
  /** When the watch that is most behind last heard something, or asked anew; undefined: none is open. */
  heardAtMs?: number | undefined;
  /** When it lost the lead, after which it has to end. */
  lostAtMs?: number | undefined;
}

/** A watch that hears nothing for so long asks anew, and pauses between two tries are half a minute at most. */
const WATCH_MS = 4 * INACTIVITY_MS;
/** What ends in order takes seconds, the last logs and spans included. */
const END_MS = 60_000;

/**
 * Why nothing but a new process helps; undefined while this one goes on.
 *
 * An API server that is away, slow, or refuses is no reason: a watch of it fails and is tried again within a bounded time, which is
 * all that a new process could do, only without the caches of this one. So what counts is not whether a try succeeds but whether
 * there is one: a watch that makes none is held up by something within the process. controller-runtime's default
 * (`healthz.Ping`) is always well; cert-manager and the controller manager of Kubernetes answer with an error when a leader whose
 * Lease has lapsed goes on (`leaderelection.HealthzAdaptor`), and ask nothing of the API server either. One look that does not end
 * is no reason: the others go on, and `KcgReconcileHangs` tells of it.
 */
export function whyHung({ nowMs, heardAtMs = nowMs, lostAtMs = nowMs }: SignsOfLife): string | undefined {
  if (nowMs - lostAtMs > END_MS) return 'it has lost the lead, and does not end';
  if (nowMs - heardAtMs > WATCH_MS) return 'a watch hears nothing, and does not ask anew';
  return undefined;
}
