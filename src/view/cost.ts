import type { Prices, Unit } from './prices.ts';

/** What a group is like, as far as it costs something. */
export interface CostInput {
  shards: number;
  workers: number;
  /** Of the whole group. */
  recordsPerSecond: number;
  bytesPerSecond: number;
  leaseSeconds: number;
  checkpointSeconds: number;
  batchSize: number;
  /** How long a batch takes the handler, ms. */
  handlerMs: number;
  isFanOut: boolean;
  /** Asked for by one pod. */
  vcpu: number;
  memoryGb: number;
  lambdaMemoryGb: number;
}

/** Units a month. */
export type Units = Partial<Record<Unit, number>>;

export interface CostOf {
  who: 'kcg' | 'KCL 3' | 'Lambda';
  units: Units;
}

const HOURS_A_MONTH = 730;
const SECONDS_A_MONTH = HOURS_A_MONTH * 3_600;
const MINUTES_A_MONTH = HOURS_A_MONTH * 60;
/** Of an item, rounded: rows of workers and shards. Source: docs/benchmarks.md, bytes of a full read. */
const ROW_BYTES = { worker: 170, shard: 195 };
const READ_UNIT_BYTES = 4_096;
/** The operator reads the rows of a group so often, seconds. */
const OPERATOR_SECONDS = 5;
/**
 * Of KCL 3 at its own default failover time of 10 s, requests a shard-minute: renewals, and reads of leases and metrics for the
 * assignment. Source: docs/benchmarks.md, 19.7 a shard-minute when idle.
 */
const KCL = { writes: 18, reads: 1.7, checkpointSeconds: 1.5 };

/**
 * An estimate by the model of docs/benchmarks.md; what the stream itself costs is the same for all three and left out, but for
 * fan-out. KCL has the same pods, though a JVM may want more. Lambda is called by the batch: a function that takes as long as the
 * handler here, and never starts cold.
 */
export function costOf(input: CostInput): CostOf[] {
  const { shards, workers, vcpu, memoryGb, isFanOut, bytesPerSecond } = input;
  const pods: Units = {
    vcpuHours: workers * vcpu * HOURS_A_MONTH,
    memoryGbHours: workers * memoryGb * HOURS_A_MONTH,
  };
  const fanOut: Units = isFanOut
    ? { fanOutShardHours: shards * HOURS_A_MONTH, fanOutGb: (bytesPerSecond * SECONDS_A_MONTH) / 1e9 }
    : {};
  const invocations = batchesPerSecond(input) * SECONDS_A_MONTH;
  return [
    { who: 'kcg', units: { ...table(input), ...pods, ...fanOut } },
    { who: 'KCL 3', units: { ...kclTable(input), ...pods, ...fanOut } },
    {
      who: 'Lambda',
      units: {
        lambdaRequests: invocations,
        lambdaGbSeconds: (invocations * input.handlerMs * input.lambdaMemoryGb) / 1_000,
        ...fanOut,
      },
    },
  ];
}

/** At least one batch a second of each shard that has records: neither waits for a full one unless it is told to. */
export function batchesPerSecond({ shards, recordsPerSecond, batchSize }: CostInput): number {
  return Math.max(recordsPerSecond / batchSize, Math.min(recordsPerSecond, shards));
}

function table(input: CostInput): Units {
  const { shards, workers, leaseSeconds, checkpointSeconds } = input;
  const beats = (workers * SECONDS_A_MONTH * 3) / leaseSeconds;
  const checkpoints = checkpointsOf(input, checkpointSeconds);
  const all = workers * ROW_BYTES.worker + shards * ROW_BYTES.shard;
  const looks = beats * eventual(workers * ROW_BYTES.worker);
  const full = (workers * MINUTES_A_MONTH + SECONDS_A_MONTH / OPERATOR_SECONDS) * eventual(all);
  return { dynamoDbWriteUnits: beats + checkpoints, dynamoDbReadUnits: looks + full };
}

function kclTable(input: CostInput): Units {
  const renewals = input.shards * KCL.writes * MINUTES_A_MONTH;
  return {
    dynamoDbWriteUnits: renewals + checkpointsOf(input, KCL.checkpointSeconds),
    dynamoDbReadUnits: input.shards * KCL.reads * MINUTES_A_MONTH,
  };
}

/** A shard writes one at most every so often, and none without records. */
function checkpointsOf({ shards, recordsPerSecond }: CostInput, everySeconds: number): number {
  return SECONDS_A_MONTH * Math.min(recordsPerSecond, shards / everySeconds);
}

/** Read units of one eventually consistent read. */
function eventual(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / READ_UNIT_BYTES)) / 2;
}

export function moneyOf(units: Units, prices: Prices): number {
  return Object.entries(units).reduce((sum, [unit, quantity]) => sum + quantity * prices[unit as Unit], 0);
}
