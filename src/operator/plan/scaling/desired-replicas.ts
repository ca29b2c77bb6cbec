import { DEFAULT_REPLICAS } from '../../../api/scaling-spec.ts';

/*
 * How many workers a group gets. What is wanted follows the shards that can be consumed in parallel; growing happens at
 * once. Shrinking waits: a window of what was wanted is kept and its maximum counts, as the HPA's stabilisation does, and the
 * window begins with what runs now, so that a restarted operator never shrinks on its first look. During a reshard
 * nothing shrinks: parents and children hold different counts for a while. A lower maxReplicas holds at once.
 */

export interface ReplicasInput {
  desiredState: 'Running' | 'Paused' | 'Stopped';
  /** `fixed`: `wanted` from the spec or an autoscaler; `shards`: from the shard count; `lag`: from `wantedForLag`. */
  scaling:
    | { mode: 'shards'; shardsPerWorker: number; maxPerWorker: number | undefined; min: number; max: number }
    | { mode: 'lag'; wanted: Wanted; maxPerWorker: number | undefined; min: number; max: number }
    | { mode: 'fixed'; wanted: number; min: number; max: number };
  /** Shards that can be consumed at the same time; undefined = not known at the moment. */
  readableShards: number | undefined;
  /** Shards wait for their parents, or the stream is changing. */
  resharding: boolean;
  /** What the Deployment asks for now; undefined = there is none. */
  currentReplicas: number | undefined;
  /** ms; 0 shrinks at once. */
  stabilizationMs: number;
  /** What the last decision returned; undefined = this is the first. */
  window: readonly Want[] | undefined;
  /** Monotonic ms. */
  nowMs: number;
}

type Seeded = ReplicasInput & { window: readonly Want[] };

/** What was wanted, and when last. Only wants greater than all later ones are kept, so the list is short. */
export interface Want {
  /** Monotonic ms. */
  atMs: number;
  replicas: number;
}

export type LimitedBy =
  | 'MinReplicas'
  | 'MaxReplicas'
  | 'Shards'
  | 'Stabilization'
  | 'Reshard'
  | 'UnknownShards'
  | 'UnknownLag'
  | 'Measuring'
  | 'HotShard'
  | 'StuckShards'
  | 'NamespaceLimit'
  | 'Schedule';

export interface ReplicasDecision {
  replicas: number;
  /** For people: why this number. */
  reason: string;
  /** What keeps the number from what load alone asks for. */
  limitedBy: LimitedBy | undefined;
  window: Want[];
  /** When waiting may end without anything else changing, ms from now. */
  againInMs: number | undefined;
  /** What mode Lag would do, beside another mode that is followed. */
  advice?: ReplicasDecision;
}

/** What fewer workers by lag are at least, of those that run, unless no more of them are to go. */
const LEAST_STEP = 0.2;

/** Before it is compared with what runs. */
export interface Wanted {
  replicas: number;
  reason: string;
  limitedBy: LimitedBy | undefined;
}

/** Pass the `window` it returns to the next call: one that is empty begins with what runs at that moment. */
export function desiredReplicas(first: ReplicasInput): ReplicasDecision {
  const { desiredState, currentReplicas, nowMs } = first;
  // Who has decided nothing yet does not know whose decision runs.
  const input = { ...first, window: first.window ?? [{ atMs: nowMs, replicas: currentReplicas ?? 0 }] };
  if (desiredState === 'Stopped')
    return settled({ replicas: 0, reason: 'the group is stopped', limitedBy: undefined });
  const wanted = wantedReplicas(input);
  if (wanted === undefined) {
    const replicas = Math.min(currentReplicas ?? 0, input.scaling.max);
    const reason = 'the shards of the stream are not known yet';
    return { replicas, reason, limitedBy: 'UnknownShards', window: [...input.window], againInMs: undefined };
  }
  if (currentReplicas === undefined || currentReplicas === 0 || isDecided(input)) return settled(wanted);
  const seeded = input.window.length > 0 ? input.window : [{ atMs: nowMs, replicas: currentReplicas }];
  const window = remember(seeded, { atMs: nowMs, replicas: wanted.replicas }, nowMs - input.stabilizationMs);
  return stabilized(input, { wanted, window, currentReplicas });
}

/**
 * An autoscaler or a person has said how many, with a stabilisation of their own; nobody has yet when the operator set the number
 * until now and the spec says what it says by default.
 */
function isDecided({ scaling, window }: Seeded): boolean {
  return scaling.mode === 'fixed' && (window.length === 0 || scaling.wanted !== DEFAULT_REPLICAS);
}

function settled(wanted: Wanted): ReplicasDecision {
  return { ...wanted, window: [], againInMs: undefined };
}

function wantedReplicas(input: ReplicasInput): Wanted | undefined {
  const { scaling, readableShards, desiredState } = input;
  const { min, max } = scaling;
  if (scaling.mode === 'fixed') {
    const wanted = fixedReplicas(scaling.wanted, { min, max, readableShards });
    // More than now may be more than there are shards, and would go down again when they are known.
    const grows = wanted.replicas > (input.currentReplicas ?? 0);
    return readableShards === undefined && grows ? undefined : wanted;
  }
  if (readableShards === undefined) return undefined;
  if (scaling.mode === 'lag') return lagReplicas(scaling, readableShards);
  // A worker that may not hold so many leaves shards unread.
  const perWorker = Math.min(scaling.shardsPerWorker, scaling.maxPerWorker ?? Infinity);
  const raw = Math.ceil(readableShards / perWorker);
  const paused = desiredState === 'Paused' ? ', paused' : '';
  const reason = `${readableShards} ${readableShards === 1 ? 'shard' : 'shards'} can be consumed in parallel, ${perWorker} per worker${paused}`;
  if (raw > max) return { replicas: max, reason, limitedBy: 'MaxReplicas' };
  if (raw < min) return { replicas: min, reason, limitedBy: 'MinReplicas' };
  return { replicas: raw, reason, limitedBy: undefined };
}

/** A worker that may not hold so many leaves shards unread, and one without a shard has nothing to do. */
function lagReplicas(
  { wanted, maxPerWorker = Infinity, min, max }: Extract<ReplicasInput['scaling'], { mode: 'lag' }>,
  readableShards: number,
): Wanted {
  const { replicas: asked, reason } = wanted;
  const most = Math.max(readableShards, min);
  const replicas = asked === 0 ? 0 : Math.max(asked, Math.ceil(readableShards / maxPerWorker));
  if (replicas > most && readableShards > 0)
    return bounded({ replicas: most, reason, limitedBy: 'Shards' }, max);
  if (replicas < min) return { replicas: min, reason, limitedBy: 'MinReplicas' };
  return bounded({ ...wanted, replicas }, max);
}

function bounded(wanted: Wanted, max: number): Wanted {
  return wanted.replicas > max ? { ...wanted, replicas: max, limitedBy: 'MaxReplicas' } : wanted;
}

/** More workers than shards are refused too: they would cost and do nothing. */
function fixedReplicas(
  asked: number,
  { min, max, readableShards }: { min: number; max: number; readableShards: number | undefined },
): Wanted {
  const reason = `${asked} ${asked === 1 ? 'worker is' : 'workers are'} asked for`;
  if (
    readableShards !== undefined &&
    readableShards > 0 &&
    Math.min(asked, max) > Math.max(readableShards, min)
  ) {
    return { replicas: Math.max(readableShards, min), reason, limitedBy: 'Shards' };
  }
  if (asked > max) return { replicas: max, reason, limitedBy: 'MaxReplicas' };
  if (asked < min) return { replicas: min, reason, limitedBy: 'MinReplicas' };
  return { replicas: asked, reason, limitedBy: undefined };
}

function stabilized(
  input: ReplicasInput,
  { wanted, window, currentReplicas }: { wanted: Wanted; window: Want[]; currentReplicas: number },
): ReplicasDecision {
  // A person who lowers maxReplicas means now.
  const allowed = Math.min(currentReplicas, input.scaling.max);
  if (wanted.replicas >= allowed) return { ...wanted, window, againInMs: undefined };
  if (input.resharding) {
    const reason = `${wanted.reason}; a reshard is under way`;
    return { replicas: allowed, reason, limitedBy: 'Reshard', window, againInMs: undefined };
  }
  const highest = window[0]!;
  const step = Math.min(allowed, highest.replicas);
  // Load that falls bit by bit would let the workers go one by one, and each time shards move.
  const isSmall = input.scaling.mode === 'lag' && step > allowed * (1 - LEAST_STEP) && step > wanted.replicas;
  const replicas = isSmall ? allowed : step;
  if (replicas === wanted.replicas) return { ...wanted, window, againInMs: undefined };
  const againInMs = Math.max(0, highest.atMs + input.stabilizationMs - input.nowMs) + 1;
  const reason = `${wanted.reason}; ${highest.replicas} were wanted within the last ${Math.round(input.stabilizationMs / 1000)} s`;
  return { replicas, reason, limitedBy: 'Stabilization', window, againInMs };
}

/**
 * A want holds until the next look, so the last one is as young as that look. The list falls strictly: its first is the
 * highest.
 */
function remember(window: readonly Want[], latest: Want, sinceMs: number): Want[] {
  const held = window.map((want, index) =>
    index === window.length - 1 ? { ...want, atMs: latest.atMs } : want,
  );
  return [...held.filter(({ atMs, replicas }) => atMs >= sinceMs && replicas > latest.replicas), latest];
}
