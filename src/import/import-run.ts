import { decodeClaim } from '../leases/claim.ts';
import { decodeRows, type GroupRows } from '../leases/group-rows.ts';
import { IMPORT_PREFIX, type ImportRecord } from '../leases/import-record.ts';
import { beginImport, finishImport, putImported } from '../leases/import-writes.ts';
import type { LeaseTable } from '../leases/lease-table.ts';
import { ObservedWorkers } from '../leases/observed-workers.ts';
import { deletePart, partKey, putPart, SNAPSHOT_SECONDS } from '../leases/snapshot-parts.ts';
import type { Clock } from '../lib/clock.ts';
import { count } from '../lib/count.ts';
import { KcgError } from '../lib/errors.ts';
import { randomName, type Random } from '../lib/random.ts';
import { sourceFailed, type ImportProgress } from './import-progress.ts';
import { encodeSnapshot, readSnapshot } from './import-snapshot.ts';
import type { ImportSource, SourceLook } from './import-source.ts';
import { judgeSource } from './judge-source.ts';
import { StandStill } from './stand-still.ts';
import { writeParentsFirst } from './write-parents-first.ts';

export interface ImportRunOptions {
  /** The group's own rows. */
  table: LeaseTable;
  /** Undefined = only what has begun is completed. */
  source: ImportSource | undefined;
  clock: Clock;
  random: Random;
  /** The other may go on meanwhile: what is done here counts for nothing. Default false. */
  isShadow?: boolean;
  /** Of the group, ms: a worker that does not beat for so long is dead. */
  leaseDurationMs: number;
}

/** The next step sees what they did. */
const OTHERS: ImportProgress = {
  reason: 'ImportWriting',
  message: 'somebody else imports, or undoes it, at the same moment',
  isSettled: false,
  againInMs: 200,
};

/**
 * Brings another consumer's positions into a group that has none, once. Each step looks, and goes on as far as it can: it
 * never waits, and any number of steps, by any number of processes, ends in the same rows. The source is only ever read.
 */
export class ImportRun {
  readonly #options: ImportRunOptions;
  readonly #still = new StandStill();
  readonly #workers = new ObservedWorkers();

  constructor(options: ImportRunOptions) {
    this.#options = options;
  }

  /** @throws KcgError as `LeaseTable` does, of the group's own table */
  async step(signal: AbortSignal): Promise<ImportProgress> {
    const rows = await this.#rows(signal);
    const settled = this.#settled(rows);
    if (settled) return settled;
    const imported = rows.claim?.imported;
    if (imported) return this.#complete(imported, signal);
    const { source } = this.#options;
    if (source === undefined)
      return { reason: 'ImportNotNeeded', message: 'nothing is to be imported', isSettled: true };
    const nowMs = this.#options.clock.monotonic();
    let look: SourceLook;
    try {
      look = await source.look({ signal, nowMs: this.#options.clock.now() });
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      return sourceFailed(source.name, KcgError.from(thrown));
    }
    const watched = this.#options.isShadow ? undefined : look.foreign;
    const still = watched && this.#still.observe(watched, nowMs);
    const verdict = judgeSource({ name: source.name, look, still, nowMs: this.#options.clock.now() });
    if (verdict !== 'import') return { ...verdict, isSettled: false, look };
    const record = await this.#begin(look, source.name, signal);
    if (record === undefined) return OTHERS;
    return { ...(await this.#complete(record, signal)), look };
  }

  async #rows(signal: AbortSignal): Promise<GroupRows> {
    const { table, clock } = this.#options;
    const nowMs = clock.monotonic();
    const rows = decodeRows(await table.query('all', { consistent: true, signal }));
    this.#workers.observe(rows.workers, nowMs);
    return rows;
  }

  /** What needs no look at the source. */
  #settled({ claim, leases, workers }: GroupRows): ImportProgress | undefined {
    const record = claim?.imported;
    if (record?.state === 'done') return imported(record);
    if (record?.state === 'undoing') {
      const message = `import ${record.id} from ${record.from} is being undone; run kcg import --undo again to end that`;
      return { reason: 'ImportUndoing', message, isSettled: false, record, againInMs: 5_000 };
    }
    if (record === undefined && leases.length > 0) {
      const message = `the group has positions of ${count(leases.length, 'shard')} already, so nothing is imported`;
      return { reason: 'ImportNotNeeded', message, isSettled: true };
    }
    const { clock, leaseDurationMs } = this.#options;
    const [first] = this.#workers.living(workers, clock.monotonic(), leaseDurationMs);
    if (!first || record) return undefined;
    const message = `worker ${first.worker} of the group runs, or has ended without a word; stop the workers first. One that is dead is known as such once its beat has stood still for ${leaseDurationMs / 1000} s`;
    return { reason: 'WorkersRunning', message, isSettled: false, againInMs: 2_000 };
  }

  /** The snapshot, and then the mark in the claim: from there on it is completed by whoever comes. Undefined: somebody else has begun. */
  async #begin(
    { plan, foreign, rows }: SourceLook,
    from: string,
    signal: AbortSignal,
  ): Promise<ImportRecord | undefined> {
    const { table, clock, random } = this.#options;
    const at = clock.now();
    const id = randomName(random, 10);
    const parts = encodeSnapshot({
      layout: 1,
      shards: plan.shards,
      notes: plan.notes,
      rows,
      positions: foreign,
    });
    const ttl = Math.floor(at / 1000) + SNAPSHOT_SECONDS;
    for (const [part, data] of parts.entries())
      await table.write(putPart(partKey(IMPORT_PREFIX, id, part), { import_id: id, data, ttl }), { signal });
    const shards = plan.shards.length;
    const record: ImportRecord = { id, state: 'begun', from, at, shards, parts: parts.length };
    const { outcome } = await table.write(beginImport(record), { signal });
    if (outcome === 'done') return record;
    for (const part of parts.keys())
      await table.write(deletePart(partKey(IMPORT_PREFIX, id, part)), { signal });
    return undefined;
  }

  async #complete(record: ImportRecord, signal: AbortSignal): Promise<ImportProgress> {
    const { table } = this.#options;
    const { shards } = await readSnapshot(table, record, signal);
    const others = await writeParentsFirst(shards, ({ lease }) =>
      table.write(putImported(lease, record), { signal }),
    );
    if (others.length > 0) {
      const names = others.slice(0, 3).map(({ lease }) => lease.shardId);
      const message = `somebody else has written ${names.join(', ')} of the group meanwhile. Stop its workers, undo the import with kcg import --undo, and delete those rows`;
      return { reason: 'ImportConflict', message, isSettled: false, record, againInMs: 30_000 };
    }
    const { outcome, row } = await table.write(finishImport(record), { signal });
    const now = row && decodeClaim(row).imported;
    if (outcome === 'done') return { ...imported({ ...record, state: 'done' }), isNew: true };
    // Somebody was faster, or undoes it.
    return now?.id === record.id && now.state === 'done' ? imported(now) : OTHERS;
  }
}

function imported(record: ImportRecord): ImportProgress {
  const message = `${count(record.shards, 'shard')} from ${record.from} at ${new Date(record.at).toISOString()}`;
  return { reason: 'Imported', message, isSettled: true, record };
}
