import type { WorkerConfig } from '../../api/worker-config.ts';
import type { BatchSpans } from '../../runtime/delivery/batch-spans.ts';
import { openTelemetry, type ProcessToTell } from '../telemetry.ts';

/** A worker's metrics by OTLP, and a span for each batch. */
export async function openWorkerTelemetry(
  env: NodeJS.ProcessEnv,
  { groupId, stream, otlpEndpoint }: WorkerConfig,
  about: Omit<ProcessToTell, 'service' | 'groupId'>,
): Promise<{ spans: BatchSpans | undefined; stop(): Promise<void> }> {
  const process = { ...about, service: 'kcg-worker' as const, groupId };
  const telemetry = await openTelemetry(env, otlpEndpoint, process);
  const { tracer } = telemetry;
  const stop = () => telemetry.stop();
  if (tracer === undefined) return { spans: undefined, stop };
  const { batchSpans } = await import('../../runtime/opentelemetry/batch-spans.ts');
  return { spans: batchSpans(tracer, { groupId, streamName: stream.name, worker: about.instance }), stop };
}
