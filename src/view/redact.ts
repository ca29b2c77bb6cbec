import type { StoredObject } from '../kubernetes/cluster.ts';

/** In place of what a report does not take along. */
export const LEFT_OUT = '<left out>';

/** Conditions and Events of these reasons have the words of a handler, a container or an admission plugin, which may be anything. */
const OTHERS_WORDS: ReadonlySet<string> = new Set([
  'HandlerFailing',
  'CrashLooping',
  'ContainerNotReady',
  'RolloutStuck',
  'TemplateRejected',
  'ApplyFailed',
  'InvalidSpec',
  // Reconciling repeats what another condition says.
  'Waiting',
  'RollingOut',
  'Blocked',
  'Retrying',
]);
/** Events of pods whose notes are the scheduler's and the kubelet's own; a probe's has what the application answered. */
const KUBELETS_WORDS: ReadonlySet<string> = new Set([
  'Scheduled',
  'FailedScheduling',
  'Pulling',
  'Pulled',
  'Created',
  'Started',
  'Killing',
  'FailedMount',
  'Preempted',
  'Evicted',
  'NodeNotReady',
  'TaintManagerEviction',
]);
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
/** Words of a container, or of its program. */
const MESSAGES: ReadonlySet<string> = new Set(['message']);

/**
 * An object without what may be secret: values of environment variables and of tags, arguments of commands, what is applied of it,
 * passwords in URLs, and the words of containers. Names, images, numbers and states stay.
 */
export function redactObject(object: StoredObject): object {
  return clean(object, []) as object;
}

function clean(value: unknown, path: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((each) => clean(each, path));
  if (typeof value === 'string') return withoutPasswords(value);
  if (typeof value !== 'object' || value === null) return value;
  const fields = value as Record<string, unknown>;
  const field = path.at(-1);
  if (field === 'conditions') return condition(fields, path);
  if (field === 'env') return 'value' in fields ? { ...fields, value: LEFT_OUT } : fields;
  const entries = Object.entries(fields).map(([name, each]): [string, unknown] => {
    if (field === 'annotations' && (name === LAST_APPLIED || !name.includes('kcg.dev/')))
      return [name, LEFT_OUT];
    if (name === 'args' || name === 'data' || name === 'stringData') return [name, LEFT_OUT];
    if (name === 'command' && Array.isArray(each))
      return [name, [each[0], ...each.slice(1).map(() => LEFT_OUT)]];
    if (name === 'filters') return [name, Array.isArray(each) ? each.map(() => LEFT_OUT) : LEFT_OUT];
    if (MESSAGES.has(name) && isContainer(path)) return [name, LEFT_OUT];
    if (name === 'tags' && field === 'table') return [name, withoutValues(each)];
    if (name === 'managedFields') return [name, undefined];
    return [name, clean(each, [...path, name])];
  });
  return Object.fromEntries(entries);
}

function withoutValues(tags: unknown): object {
  return Object.fromEntries(Object.keys(tags ?? {}).map((key) => [key, LEFT_OUT]));
}

function isContainer(path: readonly string[]): boolean {
  return path.some((name) => name === 'containerStatuses' || name === 'initContainerStatuses');
}

function condition(fields: Record<string, unknown>, path: readonly string[]): object {
  const isOurs = typeof fields['reason'] === 'string' && !OTHERS_WORDS.has(fields['reason']);
  const message =
    isOurs && typeof fields['message'] === 'string' ? withoutPasswords(fields['message']) : LEFT_OUT;
  return 'message' in fields ? { ...fields, message } : (clean(fields, [...path, '']) as object);
}

export function withoutPasswords(text: string): string {
  return text.replaceAll(/(\w+:\/\/)[^/\s@]+@/g, `$1${LEFT_OUT}@`);
}

interface EventLike {
  reason?: string;
  note?: string;
  message?: string;
  regarding?: { kind?: string };
}

/** An Event with its note only where that is known to be Kubernetes' or kcg's own. */
export function redactEvent(event: StoredObject): object {
  const { reason = '', note, regarding } = event as EventLike;
  const isKnown = regarding?.kind === 'Pod' ? KUBELETS_WORDS.has(reason) : !OTHERS_WORDS.has(reason);
  return {
    ...redactObject(event),
    note: isKnown && note !== undefined ? withoutPasswords(note) : LEFT_OUT,
  };
}

/** What workers say of themselves; anything else in a log may be a handler's, and a record's. */
export const WORKER_MESSAGES: ReadonlySet<string> = new Set([
  'WorkerAnnounced',
  'WorkerLive',
  'WorkerDraining',
  'WorkerStopped',
  'WorkerPaused',
  'WorkerSelfFenced',
  'WorkerFenced',
  'ShardStarted',
  'ShardStopped',
  'HandoffCancelled',
  'ShardsAdded',
  'BatchDelivered',
  'HandlerFailed',
  'RecordsGivenUp',
  'DestinationFailed',
  'ReadTrouble',
  'RecordsLeftOut',
  'RecordsFiltered',
  'CheckpointsAtRisk',
  'TableTrouble',
  'listening',
  'batch',
  'handler loaded',
]);
const LOG_FIELDS: ReadonlySet<string> = new Set([
  'level',
  'time',
  'message',
  'shardId',
  'worker',
  'component',
  'incarnation',
  'reason',
  'from',
  'to',
  'operation',
  'code',
  'condition',
  'change',
]);
/** What AWS and we ourselves say of a call. */
const OF_A_CALL = /^(dynamodb|kinesis|sts|sqs|sns|s3|kms):[A-Z]/;

/** A line of a worker's log as far as it is the worker's own; undefined: it is not known to be. */
export function redactLogLine(line: string): string | undefined {
  const fields = parsed(line);
  if (!fields || !WORKER_MESSAGES.has(String(fields['message']))) return undefined;
  const kept = Object.entries(fields).map(([name, value]): [string, unknown] => {
    if (typeof value === 'number' || typeof value === 'boolean' || LOG_FIELDS.has(name)) return [name, value];
    if (name === 'error' && typeof value === 'string' && OF_A_CALL.test(value))
      return [name, withoutPasswords(value)];
    return [name, LEFT_OUT];
  });
  return JSON.stringify(Object.fromEntries(kept));
}

function parsed(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
