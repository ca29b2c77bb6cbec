import { checkGroup, type ParsedGroup } from './group.ts';
import { mapOf } from '../lib/is-map.ts';

export type StoredGroup = ParsedGroup & {
  /** Paths of the fields that this release does not know. */
  ignored: readonly string[];
};

/**
 * A KinesisConsumerGroup as the API server has it. A field that this release does not know is one that a newer
 * CustomResourceDefinition let in, perhaps as a default on every group: it is left out and named, and the rest is checked as
 * `parseGroup` does. Before it came to the server, the server would have refused or dropped it.
 */
export function readGroup(object: unknown): StoredGroup {
  return checkGroup(object, { unknown: 'left out' });
}

/** All that cleaning up after a deleted group asks of its spec. */
const FOR_CLEANUP = ['groupId', 'stream', 'region', 'endpoints', 'aws'];
const CHECKPOINTS = ['deletionPolicy', 'expireAfterDays'];
const TABLE = ['name', 'management', 'deletionProtection'];

/** As `readGroup`; of a spec that cannot work, only where the group and its rows are and what becomes of them, and the defaults. */
export function readGroupLeniently(object: unknown): StoredGroup {
  const whole = readGroup(object);
  if (whole.outcome === 'ok') return whole;
  const group = mapOf(object);
  const spec = mapOf(group['spec']);
  const checkpoints = mapOf(spec['checkpoints']);
  const table = pick(checkpoints['table'], TABLE);
  const lean = {
    ...pick(spec, FOR_CLEANUP),
    checkpoints: { ...pick(checkpoints, CHECKPOINTS), table },
    handler: { log: {} },
  };
  return readGroup({ ...group, spec: lean });
}

/** Whether deleting the group has nothing to undo, for all that its spec says; also of a spec that cannot be read. */
export function keepsPositions(object: { spec?: unknown }): boolean {
  const policy = mapOf(mapOf(object.spec)['checkpoints'])['deletionPolicy'];
  return policy === undefined || policy === null || policy === 'Retain';
}

type Fields = Readonly<Record<string, unknown>>;

function pick(value: unknown, names: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(mapOf(value)).filter(([name]) => names.includes(name)));
}
