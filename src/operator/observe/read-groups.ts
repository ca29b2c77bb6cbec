import { checkAroundSpec, type GroupStatus } from '../../api/group.ts';
import { readGroup, readGroupLeniently, type StoredGroup } from '../../api/stored-group.ts';
import type { StoredObject } from '../../kubernetes/cluster.ts';
import type { Log } from '../../lib/log.ts';
import { isSameJson } from '../../lib/same-json.ts';

/** What was read of a group last. */
export interface LastRead {
  /** Undefined = only the spec serves: what is stored has changed since. */
  object: StoredObject | undefined;
  spec: unknown;
  /** What is beside spec and status, but for the version, which every change moves. */
  around: unknown;
  stored: StoredGroup;
}

/** A status that was just replaced is not kept until the next look, which may be minutes away. */
export function withoutStatus({ stored, ...last }: LastRead): LastRead {
  const rest =
    stored.outcome === 'ok' ? { ...stored, group: { ...stored.group, status: undefined } } : stored;
  return { ...last, object: undefined, stored: rest };
}

/** What helps to read a group. */
interface Known {
  read: LastRead | undefined;
  /** Of the group with the status as the operator wrote it last. */
  toldVersion: string | undefined;
}

/**
 * Groups as the API server has them. Most looks are at an object that has not changed since the last one, and most changes are of
 * the status, by the operator: what is not its own status is read once, and that not at all.
 */
export class GroupReader {
  readonly #log: Log;
  readonly #ignored = new Set<string>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** @param memory of the same group */
  read(object: StoredObject, memory: Known): StoredGroup {
    const { read: last } = memory;
    if (last?.object === object) return last.stored;
    const stored = readAfter(memory, object);
    memory.read = { object, spec: object.spec, around: aroundOf(object), stored };
    this.#tellIgnored(stored.ignored);
    return stored;
  }

  /** Once for each field, not for each group that has it. */
  #tellIgnored(fields: readonly string[]): void {
    const news = fields.filter((field) => !this.#ignored.has(field));
    if (news.length === 0) return;
    for (const field of news) this.#ignored.add(field);
    this.#log.warn('fields that only a newer operator knows are ignored', { fields: news });
  }
}

function readAfter({ read: last, toldVersion }: Known, object: StoredObject): StoredGroup {
  if (last?.stored.outcome === 'ok' && isSameJson(last.spec, object.spec)) {
    const { group } = last.stored;
    const { resourceVersion } = object.metadata;
    const status = resourceVersion === toldVersion ? (object.status as GroupStatus) : undefined;
    if (status && isSameJson(last.around, aroundOf(object))) {
      const metadata = { ...group.metadata, resourceVersion };
      return { outcome: 'ok', group: { ...group, metadata, status }, ignored: [] };
    }
    return checkAroundSpec(object, { spec: group.spec, status });
  }
  return object.metadata.deletionTimestamp ? readGroupLeniently(object) : readGroup(object);
}

function aroundOf(object: StoredObject): unknown {
  const { spec: _, status: __, ...around } = object;
  return { ...around, metadata: { ...around.metadata, resourceVersion: undefined } };
}
