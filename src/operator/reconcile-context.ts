import type { KinesisConsumerGroup } from '../api/group.ts';
import type { GroupRows } from '../leases/group-rows.ts';
import type { LeaseTable } from '../leases/lease-table.ts';
import { ObservedWorkers } from '../leases/observed-workers.ts';
import type { Clock } from '../lib/clock.ts';
import type { KcgError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Random } from '../lib/random.ts';
import type { AppliedGenerations } from './apply/apply-object.ts';
import type { AskedSteps } from './steps/asked-steps.ts';
import type { AwsAccount } from './aws-account.ts';
import { identityKey, tableKey, type GroupTarget } from './group-target.ts';
import type { Cluster, ObjectCache, StoredObject } from '../kubernetes/cluster.ts';
import type { Nudge } from './steps/fence-workers.ts';
import type { LastRead } from './observe/read-groups.ts';
import type { StreamCache } from './observe/observe-stream.ts';
import type { ResetMemory } from './offset-reset.ts';
import type { ImportMemory } from './position-import.ts';
import type { PlannedEvent } from './plan/status/condition-events.ts';
import type { Workload } from './plan/workload/desired-objects.ts';
import type { WorkloadOf } from './plan/workload/workload-input.ts';
import type { Want } from './plan/scaling/desired-replicas.ts';
import { NO_LAG_HISTORY, type LagHistory } from './plan/scaling/wanted-for-lag.ts';
import type {
  ClaimFacts,
  ConsumerFacts,
  LastFailover,
  LastScale,
  StepFailure,
  TableFacts,
} from './plan/group-facts.ts';
import type { Outage } from './plan/status/track-failover.ts';
import type { StatusWriter } from './apply/status-writer.ts';
import type { Tellers } from './observe/tellers.ts';
import type { Tenants } from './tenants.ts';
import type { GroupLook } from '../view/group-look.ts';
import { ShardWindows } from '../view/shard-windows.ts';

export interface ReconcilerOptions {
  cluster: Cluster;
  aws: AwsAccount;
  clock: Clock;
  random: Random;
  log: Log;
  nudge: Nudge;
  /** Without it the rows of each group are read again and again. */
  tellers?: Tellers | undefined;
  /** After each look: how many shards there are of each judgement; undefined = the group is not to read, or is gone. */
  onJudged?: (group: string, shards: ReadonlyMap<string, number> | undefined) => void;
  /** After each look at rows: what it has seen; undefined = nobody looks at them any more. */
  onLook?: ((group: string, look: GroupLook | 'unread' | undefined) => void) | undefined;
  caches: {
    /** With the indexes `GROUPS_OF_TABLE` and `GROUPS_OF_ID`. */
    groups: ObjectCache;
    deployments: ObjectCache;
    /** With the index `PODS_OF_GROUP`. */
    pods: ObjectCache;
    podDisruptionBudgets: ObjectCache;
    /** With the index `RESETS_OF_GROUP`. */
    offsetResets: ObjectCache;
  };
  settings: ReconcilerSettings;
}

export interface ReconcilerSettings {
  /** `namespace/name` of the Lease that this operator's leader holds; without one it makes no group its own. */
  instance?: string | undefined;
  /** The kcg image. */
  workerImage: string;
  defaultRegion?: string | undefined;
  /** For groups that name none of their own. */
  kinesisEndpoint?: string | undefined;
  dynamodbEndpoint?: string | undefined;
  sqsEndpoint?: string | undefined;
  snsEndpoint?: string | undefined;
  s3Endpoint?: string | undefined;
  /** Base URL of the collector of OpenTelemetry, for workers. */
  workerOtlpEndpoint?: string | undefined;
  /** False for a namespace that is not watched: a resource that is not seen may still exist. Undefined = it is not known which. */
  sees: (namespace: string | undefined) => boolean;
  /** How often the rows of a group with workers are read, ms; default 5,000. */
  pollMs?: number;
}

/** Nothing runs, or a person is needed: a change of the group or its objects comes by itself, one of AWS does not. */
export const IDLE_MS = 60_000;
const POLL_MS = 5_000;

/** Between two reads of the rows of a group with workers, ms: 5,000 unless it is set. */
export function pollMsOf({ settings }: Pick<ReconcilerOptions, 'settings'>): number {
  return settings.pollMs ?? POLL_MS;
}

/** What a look at the table has shown. */
export interface KnownTable {
  facts: TableFacts;
  /** What of the table, as text: the facts serve for nothing else. */
  wanted: string;
  /** Monotonic: they serve until then. */
  nextMs: number;
  /** All was as the spec asks. */
  isSettled: boolean;
  /** Looks in a row in which a change was refused. */
  refusals: number;
}

/** What is remembered of a group between passes. All of it can be lost: it saves calls, or makes us wait longer. */
export interface GroupMemory {
  uid: string;
  read: LastRead | undefined;
  /** Of the group with the status as it was written last, or found so. */
  toldVersion: string | undefined;
  /** The finalizer has been on the object. */
  wasGuarded: boolean;
  /** Tries to undo what a group that is gone has left, that failed. */
  lateTries: number;
  window: Want[] | undefined;
  /** As `window`, of what would be recommended. */
  adviceWindow: Want[] | undefined;
  /** How the lag went, and what was learned of the workers. */
  lagHistory: LagHistory;
  /** The operator may not look for records that wait: why, and until when that is taken for granted; monotonic. */
  blind: { why: string; untilMs: number } | undefined;
  applied: AppliedGenerations;
  /** The objects that were wanted last, and what they were made from. */
  workload: { from: WorkloadOf; objects: Workload } | undefined;
  /** By thing: what failed last time. */
  refused: Map<string, Refused>;
  /** The operator that looks after it in our stead. */
  keptOff: { from: string | undefined };
  /** Key of the table that all of `newTableMemory` is about. */
  tableKey: string | undefined;
  table: KnownTable | undefined;
  /** The last time somebody else's change of the table was set back. */
  lastDrift: NonNullable<TableFacts['info']['lastDrift']> | undefined;
  /** Creation time of the table that this operator has made, until the resource knows it too. */
  madeAt: number | undefined;
  /** The table, by its creation time, that this operator has made for the group, and when; `atMs` is monotonic. */
  made: { createdAt: number; atMs: number } | undefined;
  /** Changes of the table that do not show, of those that are due for what is `wanted`. */
  asked: { wanted: string; steps: AskedSteps } | undefined;
  leaseTable: LeaseTable | undefined;
  /** As last read, with what was fenced since; `readMs` is monotonic. */
  rows: { rows: GroupRows; readMs: number } | undefined;
  /** A worker tells of each change of the rows. */
  isTold: boolean;
  /** And nothing else moves, as the last look has shown. */
  isQuiet: boolean;
  /** Whose heartbeats stand still, and since when. */
  watched: ObservedWorkers;
  /** How the shards have moved. */
  windows: ShardWindows;
  claim: ClaimFacts | undefined;
  import: ImportMemory;
  reset: ResetMemory;
  /** The stream consumer; `nextMs` is monotonic, the facts serve until then. */
  consumer: { key: string; facts: ConsumerFacts; nextMs: number } | undefined;
  /** Monotonic; when the status last got fresh positions. */
  positionsMs: number;
  /** Monotonic; when the status was last written. */
  statusMs: number;
  /** Monotonic; since when a step on the way is not told; what an operator sees first is told at once. */
  untoldMs: number | undefined;
  /** How long after that it may be written for lag alone, ms. */
  lagPauseMs: number;
  outage: Outage | undefined;
  lastFailover: LastFailover | undefined;
  lastScale: LastScale | undefined;
  /** The wish to look at everything that was followed last. */
  reconciled: string | undefined;
}

/**
 * Knows nothing: the next pass looks at the table. A status that is there counts as just written, so an operator that starts
 * among many groups writes none for what only moves on as always. `nowMs` is monotonic.
 */
export function newMemory(uid: string, nowMs: number): GroupMemory {
  return {
    uid,
    read: undefined,
    toldVersion: undefined,
    wasGuarded: false,
    lateTries: 0,
    window: undefined,
    adviceWindow: undefined,
    applied: new Map(),
    workload: undefined,
    refused: new Map(),
    keptOff: { from: undefined },
    tableKey: undefined,
    ...newTableMemory(),
    isTold: false,
    isQuiet: false,
    consumer: undefined,
    positionsMs: nowMs,
    statusMs: nowMs,
    untoldMs: -Infinity,
    lagPauseMs: Infinity,
    lastFailover: undefined,
    lastScale: undefined,
    reconciled: undefined,
  };
}

function newTableMemory() {
  return {
    table: undefined,
    lastDrift: undefined,
    madeAt: undefined,
    made: undefined,
    asked: undefined,
    leaseTable: undefined,
    rows: undefined,
    claim: undefined,
    import: { facts: undefined, session: undefined },
    reset: { session: undefined },
    watched: new ObservedWorkers(),
    windows: new ShardWindows(),
    lagHistory: NO_LAG_HISTORY,
    blind: undefined,
    outage: undefined,
  } satisfies Partial<GroupMemory>;
}

/** What one table has shown, its claim above all, says nothing about another. */
export function forgetOtherTables(memory: GroupMemory, target: GroupTarget): void {
  const key = `${tableKey(target)} ${target.groupId} ${identityKey(target.role)}`;
  if (memory.tableKey === key) return;
  memory.import.session?.session.close();
  Object.assign(memory, newTableMemory(), { tableKey: key });
}

/** What was refused, and when it is tried again. */
export interface Refused {
  error: KcgError;
  /** What was asked for: anything else is tried at once. */
  asked: string;
  failures: number;
  /** Monotonic. */
  nextMs: number;
}

/** One look at one group. */
export interface Pass {
  options: ReconcilerOptions;
  streams: StreamCache;
  statuses: StatusWriter;
  tenants: Tenants;
  object: StoredObject;
  group: KinesisConsumerGroup;
  groupId: string;
  memory: GroupMemory;
  signal: AbortSignal;
  /** Recorded at the end. */
  events: PlannedEvent[];
  /** What is wrong; told in the status. */
  failures: StepFailure[];
  /** What was tried in this pass and failed for now; each is tried again in `inMs`, while the group goes on. */
  refused: { thing: string; error: KcgError; failures: number; inMs: number }[];
  /** When to look again, ms; the earliest asked for wins. `isExact`: no sooner and no later. */
  again: { inMs: number; isExact?: boolean };
  /** Somebody has asked for it: what others were told a moment ago does not serve. */
  looksAnew?: boolean;
}

/** A pass of a group whose place in AWS is known. */
export interface PlacedPass extends Pass {
  target: GroupTarget;
}

/**
 * Unless this pass fails, the next one comes in `inMs` ± 20 %, or sooner when something else asks for it. `isExact`: no sooner for
 * the spread, as it would find nothing to do yet.
 */
export function lookAgain(
  { again }: Pass,
  inMs: number,
  { isExact = false }: { isExact?: boolean } = {},
): void {
  if (inMs < again.inMs) Object.assign(again, { inMs, isExact });
}
