import type { Registry } from 'prom-client';
import { systemClock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Telemetry } from '../telemetry/opentelemetry/start.ts';
import { telemetrySettings } from '../telemetry/settings.ts';
import { VERSION } from './version.ts';

export interface ProcessToTell {
  /** Default name of the service. */
  service: 'kcg-operator' | 'kcg-worker';
  /** Which of them: unique at any time. */
  instance: string;
  podName?: string | undefined;
  podUid?: string | undefined;
  nodeName?: string | undefined;
  /** Of a worker. */
  groupId?: string;
  registry: Registry;
  log: Log;
}

const NOTHING: Telemetry = { tracer: undefined, stop: async () => {} };

/**
 * Sends metrics and spans where the variables of OpenTelemetry say, else where `fallback` does. Nothing of OpenTelemetry is
 * loaded where none of them names a place.
 */
export async function openTelemetry(
  env: NodeJS.ProcessEnv,
  fallback: string | undefined,
  { service, instance, podName, podUid, nodeName, groupId, registry, log }: ProcessToTell,
): Promise<Telemetry> {
  const settings = telemetrySettings(env, fallback);
  for (const problem of settings.problems) log.warn('OpenTelemetry', { problem });
  if (settings.metrics === undefined && settings.traces === undefined) return NOTHING;
  const { startTelemetry } = await import('../telemetry/opentelemetry/start.ts');
  const inPod = podUid ? { 'k8s.pod.uid': podUid, ...(podName ? { 'k8s.pod.name': podName } : {}) } : {};
  const about = {
    'service.name': service,
    'service.version': VERSION,
    'service.instance.id': instance,
    ...inPod,
    ...(nodeName ? { 'k8s.node.name': nodeName } : {}),
    ...(groupId === undefined ? {} : { 'messaging.consumer.group.name': groupId }),
  };
  return startTelemetry({ settings, registry, about, version: VERSION, clock: systemClock, log });
}
