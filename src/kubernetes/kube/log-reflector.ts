import type { Log } from '../../lib/log.ts';
import type { ReflectorEvent } from './reflector.ts';

/** What people are told of a watch: that it cannot go on, not each time that it begins anew. */
export function logReflector(log: Log, event: ReflectorEvent): void {
  if (event.type === 'listed') {
    log.debug('listed', { kind: event.kind, objects: event.objects, changes: event.changes });
  } else if (event.type === 'missed') {
    log.warn('a watch has missed changes; listed anew', { kind: event.kind, changes: event.changes });
  } else if (event.type === 'handlerThrew') {
    log.error('a watch handler threw', { kind: event.kind, error: String(event.thrown) });
  } else {
    const { kind, error, failures, retryInMs } = event;
    const fields = { kind, error: error.message, code: error.code, fix: error.fix, failures, retryInMs };
    if (failures > 2) log.warn('cannot follow a kind', fields);
    else log.debug('watch interrupted', fields);
  }
}
