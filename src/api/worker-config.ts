import * as z from 'zod';
import { KcgError } from '../lib/errors.ts';
import { COMPRESSIONS, PAYLOAD_FORMATS } from './payload-spec.ts';

/** Environment variable that carries a worker's configuration, as JSON. */
export const WORKER_CONFIG_ENV = 'KCG_WORKER_CONFIG';
/** Where a worker listens in its pod. */
export const WORKER_PORT = 8085;

const handler = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('log') }),
  z.strictObject({
    type: z.literal('module'),
    path: z.string().min(1),
    /** Name of a Lambda function; absent = `default`, then `handler`. */
    export: z.string().min(1).optional(),
  }),
  z.strictObject({ type: z.literal('http'), url: z.url() }),
  z.strictObject({
    type: z.literal('lambda'),
    /** Of the Runtime API on loopback; 0 = any free one. */
    port: z.int().min(0).max(65_535),
    functionName: z.string().min(1),
    /** Invocations in flight at once; absent = as many as the clients ask for. */
    maxConcurrency: z.int().min(1).optional(),
  }),
  z.strictObject({ type: z.literal('exec'), command: z.array(z.string().min(1)).min(1) }),
]);

/** Where batches go that are given up; `endpoint`: of that service. */
const onFailure = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('sqs'), queueArn: z.string().min(1), endpoint: z.url().optional() }),
  z.strictObject({ type: z.literal('sns'), topicArn: z.string().min(1), endpoint: z.url().optional() }),
  z.strictObject({
    type: z.literal('s3'),
    bucketArn: z.string().min(1),
    prefix: z.string().optional(),
    endpoint: z.url().optional(),
  }),
]);

const initialPosition = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('TrimHorizon') }),
  z.strictObject({ type: z.literal('Latest') }),
  z.strictObject({ type: z.literal('AtTimestamp'), timestampMs: z.int().nonnegative() }),
]);

const schema = z.strictObject({
  groupId: z.string().min(1),
  stream: z.strictObject({ name: z.string().min(1), arn: z.string().optional() }),
  region: z.string().min(1),
  endpoints: z.strictObject({ kinesis: z.url().optional(), dynamodb: z.url().optional() }),
  table: z.string().min(1),
  initialPosition,
  /** Ms since the epoch: nothing that arrived later is read. */
  rangeEndMs: z.int().nonnegative().optional(),
  maxRecords: z.int().min(1).max(10_000),
  pollIntervalMs: z.int().min(200),
  /** Read with this registered stream consumer; absent = by polling. */
  consumerArn: z.string().min(1).optional(),
  checkpointIntervalMs: z.int().min(0),
  leaseDurationMs: z.int().min(1_000),
  handoffTimeoutMs: z.int().min(1_000),
  /** 0 = no bound. */
  maxLeases: z.int().min(0),
  handler,
  batchSize: z.int().min(1).max(10_000),
  batchWindowMs: z.int().min(0).max(300_000),
  onFailure: onFailure.optional(),
  parallelizationFactor: z.int().min(1).max(10),
  handlerTimeoutMs: z.int().min(1_000).max(43_200_000),
  retry: z.strictObject({
    /** -1 = until it works. */
    maxAttempts: z.int().min(-1).max(10_000),
    /** -1 = no limit. */
    maxRecordAgeMs: z.int().min(-1).max(604_800_000),
    bisectOnError: z.boolean(),
  }),
  /** Absent = bytes, not compressed. */
  payload: z.strictObject({ format: z.enum(PAYLOAD_FORMATS), compression: z.enum(COMPRESSIONS) }).optional(),
  /** JSON of `handler.filters`; absent = every record passes. */
  filters: z.array(z.string()).min(1).max(10).optional(),
  /** Base URL of the collector for metrics and spans, where the process's own variables name none; absent = none. */
  otlpEndpoint: z.url().optional(),
});

/** Everything a worker has to know; written by the operator (or local mode) and read by `kcg worker`. */
export type WorkerConfig = z.output<typeof schema>;

/** Keys in a fixed order, so that an unchanged group gives an unchanged pod template. */
export function encodeWorkerConfig(config: WorkerConfig): string {
  return JSON.stringify(schema.parse(config));
}

/** @throws KcgError `InvalidInput` that names the first wrong field. */
export function decodeWorkerConfig(json: string | undefined): WorkerConfig {
  const fix = `Set ${WORKER_CONFIG_ENV} as the operator does, or run "kcg dev -f group.yaml".`;
  if (json === undefined || json === '') {
    throw new KcgError('InvalidInput', `${WORKER_CONFIG_ENV} is not set`, { fix });
  }
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new KcgError('InvalidInput', `${WORKER_CONFIG_ENV} is not JSON`, { cause, fix });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new KcgError('InvalidInput', `${WORKER_CONFIG_ENV}: ${issue?.path.join('.')}: ${issue?.message}`, {
    fix,
  });
}
