import { callsHandler, isShadow, type KinesisConsumerGroup } from '../../../api/group.ts';
import type { WorkerConfig } from '../../../api/worker-config.ts';
import { kinesisPattern } from '../../../filter/kinesis-pattern.ts';
import type { GroupTarget } from '../../group-target.ts';
import { maxConcurrencyOf } from './function-container.ts';
import type { WorkloadHandler } from './worker-template.ts';

type Group = Pick<KinesisConsumerGroup, 'spec'> & { metadata: { name: string } };

/** What the group's workers have to know. */
export function workerConfigOf(group: Group, target: GroupTarget, consumerArn?: string): WorkerConfig {
  const { spec } = group;
  const { consumer, checkpoints, leases, handler, initialPosition } = spec;
  const { kinesis, dynamodb } = target.endpoints;
  const { name, arn } = target.stream;
  return {
    groupId: target.groupId,
    stream: { name, ...(arn === undefined ? {} : { arn }) },
    region: target.region,
    endpoints: { ...(kinesis ? { kinesis } : {}), ...(dynamodb ? { dynamodb } : {}) },
    table: target.table,
    ...(spec.range ? { rangeEndMs: Date.parse(spec.range.to) } : {}),
    initialPosition: spec.range
      ? { type: 'AtTimestamp', timestampMs: Date.parse(spec.range.from) }
      : initialPosition.type === 'AtTimestamp'
        ? { type: 'AtTimestamp', timestampMs: Date.parse(initialPosition.timestamp ?? '') }
        : { type: initialPosition.type },
    maxRecords: consumer.maxRecords,
    pollIntervalMs: consumer.pollIntervalMillis,
    ...(consumer.type === 'EnhancedFanOut' && consumerArn !== undefined ? { consumerArn } : {}),
    checkpointIntervalMs: checkpoints.intervalSeconds * 1000,
    leaseDurationMs: leases.durationSeconds * 1000,
    handoffTimeoutMs: leases.handoffTimeoutSeconds * 1000,
    maxLeases: leases.maxPerWorker ?? 0,
    handler: workerHandler(workloadHandler(group, target.region), spec.template),
    batchSize: handler.batchSize,
    batchWindowMs: handler.batchWindowSeconds * 1000,
    // What a shadow gives up is for the other consumer to process.
    ...(isShadow(group) ? {} : onFailureOf(handler, target)),
    parallelizationFactor: handler.parallelizationFactor,
    handlerTimeoutMs: handler.timeoutSeconds * 1000,
    retry: {
      maxAttempts: handler.retry.maxAttempts,
      maxRecordAgeMs: handler.retry.maxRecordAgeSeconds < 0 ? -1 : handler.retry.maxRecordAgeSeconds * 1000,
      bisectOnError: handler.retry.bisectOnError,
    },
    ...payloadOf(handler),
    ...(handler.filters.length > 0
      ? { filters: handler.filters.map(({ pattern }) => kinesisPattern(pattern)) }
      : {}),
  };
}

function onFailureOf(
  handler: KinesisConsumerGroup['spec']['handler'],
  { endpoints }: GroupTarget,
): Pick<WorkerConfig, 'onFailure'> {
  const { sqs, sns, s3 } = handler.onFailure;
  const at = (endpoint: string | undefined) => (endpoint === undefined ? {} : { endpoint });
  if (sqs) return { onFailure: { type: 'sqs', ...sqs, ...at(endpoints.sqs) } };
  if (sns) return { onFailure: { type: 'sns', ...sns, ...at(endpoints.sns) } };
  if (s3) {
    const { bucketArn, prefix } = s3;
    const named = prefix === undefined ? {} : { prefix };
    return { onFailure: { type: 's3', bucketArn, ...named, ...at(endpoints.s3) } };
  }
  return {};
}

function payloadOf({
  format,
  compression,
}: KinesisConsumerGroup['spec']['handler']): Pick<WorkerConfig, 'payload'> {
  return format === 'Bytes' && compression === 'None' ? {} : { payload: { format, compression } };
}

function workerHandler(
  handler: WorkloadHandler,
  template: KinesisConsumerGroup['spec']['template'],
): WorkerConfig['handler'] {
  switch (handler.kind) {
    case 'log':
      return { type: 'log' };
    case 'module':
      return {
        type: 'module',
        path: handler.path,
        ...(handler.export === undefined ? {} : { export: handler.export }),
      };
    case 'http':
      // The app is in the same pod.
      return { type: 'http', url: `http://127.0.0.1:${handler.port}${handler.path}` };
    case 'exec':
      return { type: 'exec', command: handler.command };
    case 'lambda': {
      const { container, port, functionName } = handler;
      const app = template.spec?.containers?.find(({ name }) => name === container);
      const most = maxConcurrencyOf(app);
      return { type: 'lambda', port, functionName, ...(most === undefined ? {} : { maxConcurrency: most }) };
    }
  }
}

/** The one handler the spec names; a shadow has none that does anything, unless it may. */
export function workloadHandler({ metadata, spec }: Group, region: string): WorkloadHandler {
  if (!callsHandler({ spec })) return { kind: 'log' };
  const { http, module, exec, lambda } = spec.handler;
  if (http) return { kind: 'http', ...http };
  if (exec) return { kind: 'exec', ...exec };
  if (module) return { kind: 'module', ...module };
  if (lambda) {
    const { container, port } = lambda;
    return { kind: 'lambda', container, port, functionName: metadata.name, region };
  }
  return { kind: 'log' };
}
