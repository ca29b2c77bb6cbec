import { assert } from '../../lib/assert.ts';
import type { LeaseTable, ReadOptions } from '../lease-table.ts';
import { WORKER_PREFIX, type Row } from '../row.ts';
import { applyWrite, type RowWrite, type WriteResult } from '../row-write.ts';

export interface MemoryTableHooks {
  /** Called before and after the effect of each call; may wait, and may throw to fail the call. */
  before?: (operation: string, signal?: AbortSignal) => Promise<void>;
  after?: (operation: string, signal?: AbortSignal) => Promise<void>;
  /** How many versions back an eventually consistent read of an item may look; 0 = current. */
  staleness?: (key: string) => number;
  /** Sees every write with its result, at the moment of its effect. */
  onWrite?: (write: RowWrite, before: Row | undefined, result: WriteResult) => void;
}

/** Versions kept of each row for stale reads. */
const MAX_VERSIONS = 8;

/** The table as a map, with stale reads item by item and injectable trouble. */
export class MemoryLeaseTable implements LeaseTable {
  /** Newest version first. */
  readonly #versions = new Map<string, (Row | undefined)[]>();
  readonly #hooks: MemoryTableHooks;

  constructor(hooks: MemoryTableHooks = {}) {
    this.#hooks = hooks;
  }

  async query(rows: 'all' | 'workers', { consistent, signal }: ReadOptions): Promise<Row[]> {
    return this.#call(`query ${rows}`, signal, () =>
      [...this.#versions.keys()]
        .filter((key) => rows === 'all' || key.startsWith(WORKER_PREFIX))
        .map((key) => this.#read(key, consistent))
        .filter((row) => row !== undefined),
    );
  }

  async get(key: string, { consistent, signal }: ReadOptions): Promise<Row | undefined> {
    return this.#call('get', signal, () => this.#read(key, consistent));
  }

  async write(write: RowWrite, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<WriteResult> {
    return this.#call(write.name, signal, () => {
      const before = this.#read(write.key, true);
      const result = applyWrite(write, before);
      if (result.outcome === 'done' && result.row !== before) this.#store(write.key, result.row);
      this.#hooks.onWrite?.(write, before, result);
      return result;
    });
  }

  /** For tests: the current rows, without a call. */
  rows(): Row[] {
    return [...this.#versions.keys()].map((key) => this.#read(key, true)).filter((row) => row !== undefined);
  }

  /** For tests: puts or deletes a row behind everybody's back. */
  store(key: string, row: Row | undefined): void {
    this.#store(key, row);
  }

  #store(key: string, row: Row | undefined): void {
    assert(row === undefined || row.shard_id === key, `row ${row?.shard_id} stored as ${key}`);
    const versions = this.#versions.get(key) ?? [];
    this.#versions.set(key, [row, ...versions].slice(0, MAX_VERSIONS));
  }

  #read(key: string, consistent: boolean): Row | undefined {
    const versions = this.#versions.get(key) ?? [];
    const back = consistent ? 0 : (this.#hooks.staleness?.(key) ?? 0);
    return versions[Math.min(back, versions.length)];
  }

  async #call<T>(operation: string, signal: AbortSignal | undefined, effect: () => T): Promise<T> {
    await this.#hooks.before?.(operation, signal);
    const result = effect();
    await this.#hooks.after?.(operation, signal);
    return result;
  }
}
