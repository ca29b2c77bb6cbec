import { readGroup, readGroupLeniently, type StoredGroup } from '../../api/stored-group.ts';
import type { StoredObject } from '../../kubernetes/cluster.ts';
import type { Log } from '../../lib/log.ts';

/** Groups as the API server has them. Most looks are at an object that has not changed since the last one: it is read once. */
export class GroupReader {
  readonly #log: Log;
  readonly #read = new WeakMap<StoredObject, StoredGroup>();
  readonly #ignored = new Set<string>();

  constructor(log: Log) {
    this.#log = log;
  }

  read(object: StoredObject): StoredGroup {
    const known = this.#read.get(object);
    if (known) return known;
    const read = object.metadata.deletionTimestamp ? readGroupLeniently(object) : readGroup(object);
    this.#read.set(object, read);
    this.#tellIgnored(read.ignored);
    return read;
  }

  /** Once for each field, not for each group that has it. */
  #tellIgnored(fields: readonly string[]): void {
    const news = fields.filter((field) => !this.#ignored.has(field));
    if (news.length === 0) return;
    for (const field of news) this.#ignored.add(field);
    this.#log.warn('fields that only a newer operator knows are ignored', { fields: news });
  }
}
