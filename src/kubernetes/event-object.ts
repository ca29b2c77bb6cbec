import { cutBytes } from '../lib/cut-bytes.ts';
import type { EventInput, KubeObject } from './cluster.ts';

/** Qualified name of the controller that Events are from. */
export const CONTROLLER = 'kcg.dev/operator';
/** Limits of events.k8s.io/v1; that of the note counts bytes, whatever its message says. */
const MAX_NOTE_BYTES = 1_024;
const MAX_NAME_CHARACTERS = 128;

/** `2026-11-23T19:25:17.123000Z`: Kubernetes' MicroTime, which insists on six decimals. */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}

/** Events with the same key within ten minutes are one Event, counted up. */
export function eventKey({ regarding, type, reason, note, action }: EventInput): string {
  return JSON.stringify([regarding.metadata.uid, type, reason, note, action]);
}

/** The events.k8s.io/v1 object of an event's first occurrence. `suffix` makes its name unique. */
export function eventObject(
  event: EventInput,
  { instance, suffix, now }: { instance: string; suffix: string; now: number },
): KubeObject {
  const { apiVersion, kind, metadata } = event.regarding;
  const { name, uid, resourceVersion } = metadata;
  const namespace = metadata.namespace ?? 'default';
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    // An object's name has up to 253 characters, and so has an event's.
    metadata: { namespace, name: `${name.slice(0, 230)}.${suffix}` },
    eventTime: microTime(now),
    reportingController: CONTROLLER,
    reportingInstance: instance.slice(0, MAX_NAME_CHARACTERS),
    type: event.type,
    reason: event.reason.slice(0, MAX_NAME_CHARACTERS),
    action: event.action.slice(0, MAX_NAME_CHARACTERS),
    note: cutBytes(event.note, MAX_NOTE_BYTES),
    regarding: { apiVersion, kind, ...(metadata.namespace ? { namespace } : {}), name, uid, resourceVersion },
  };
}

/** What a repeated event changes of its object. */
export function eventSeries(
  count: number,
  now: number,
): { series: { count: number; lastObservedTime: string } } {
  return { series: { count, lastObservedTime: microTime(now) } };
}
