import { checkAroundSpec, type GroupStatus } from '../../api/group.ts';
import { readGroup, readGroupLeniently, type StoredGroup } from '../../api/stored-group.ts';
import type { StoredObject } from '../../kubernetes/cluster.ts';
import type { Log } from '../../lib/log.ts';
import { isSameJson } from '../../lib/same-json.ts';

/** What was read of a group last. */
export interface LastRead {
  object: StoredObject;
  stored: StoredGroup;
}

/** What helps to read a group. */
interface Known {
  read: LastRead | undefined;
  /** As the operator wrote it last. */
  told: GroupStatus | undefined;
}

/**
 * Groups as the API server has them. Most looks are at an object that has not changed since the last one, and most changes are of
 * the status, by the operator: a spec, which is most of the work, is read once, and a status of its own not at all.
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
    memory.read = { object, stored };
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

function readAfter({ read: last, told }: Known, object: StoredObject): StoredGroup {
  if (last?.stored.outcome === 'ok' && isSameJson(last.object.spec, object.spec)) {
    const status = isSameJson(told, object.status) ? told : undefined;
    return checkAroundSpec(object, { spec: last.stored.group.spec, status });
  }
  return object.metadata.deletionTimestamp ? readGroupLeniently(object) : readGroup(object);
}
