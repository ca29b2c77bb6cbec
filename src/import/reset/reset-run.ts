import { isImporting, resetUnderWay } from '../../leases/claim.ts';
import { decodeRows, type GroupRows } from '../../leases/group-rows.ts';
import type { ResetRecord } from '../../leases/reset-record.ts';
import { beginReset, finishReset, holdForReset, moveShard } from '../../leases/reset-writes.ts';
import { knockWorker } from '../../leases/transitions.ts';
import type { WorkerRow } from '../../leases/worker-row.ts';
import { writeRows } from '../../leases/write-rows.ts';
import { count } from '../../lib/count.ts';
import { describeError, KcgError } from '../../lib/errors.ts';
import { writeParentsFirst } from '../write-parents-first.ts';
import { freeRow, planReset, type ResetPlan, type ResetShard } from './plan-reset.ts';
import { failureOf, resultOf, resultOfSnapshot, type ResetProgress } from './reset-progress.ts';
import { readResetSnapshot, writeResetSnapshot, type ResetSnapshot } from './reset-snapshot.ts';
import { beginningOf, resolveTarget, type ResetTarget, type TargetOptions } from './reset-target.ts';
import { ShardOwners } from './shard-owners.ts';

export interface ResetRunOptions extends Omit<TargetOptions, 'to' | 'begins'> {
  /** Names the reset: the same one goes on where it ended. */
  id: string;
  /** For people. */
  by: string;
  isOfResource: boolean;
  /** Undefined = what has begun is ended, and nothing else is done. */
  to: ResetTarget | undefined;
  /** Of the group: where shards without a position begin. */
  spec: Parameters<typeof beginningOf>[0];
  /** Workers that run are to release their shards. */
  stopsWorkers: boolean;
  isDryRun: boolean;
  /** Of the group, ms: a worker that does not beat for so long is dead. */
  leaseDurationMs: number;
}

const LOOK_MS = 500;
const NAMED = 3;

/**
 * Moves the positions of a group, once. Each step looks, and goes on as far as it can: it never waits, and any number of steps, by
 * any number of processes, ends in the same rows. What cannot be is refused before anything is touched.
 */
export class ResetRun {
  readonly #options: ResetRunOptions;
  readonly #owners: ShardOwners;
  #hasHeld = false;

  constructor(options: ResetRunOptions) {
    this.#options = options;
    this.#owners = new ShardOwners(options);
  }

  /** @throws KcgError as `LeaseTable` and `StreamClient` do */
  async step(signal: AbortSignal): Promise<ResetProgress> {
    const rows = await this.#rows(signal);
    const record = rows.claim?.reset;
    const isMine = record?.id === this.#options.id;
    if (isMine && record.state === 'done') return record.parts > 0 ? this.#done(signal) : GIVEN_UP;
    if (isMine && record.state === 'begun') return this.#complete(record, signal);
    if (!isMine && !this.#options.isDryRun) {
      const other = blockedBy(rows, this.#options);
      if (other) return { outcome: 'waiting', reason: 'Waiting', message: other, againInMs: 2_000 };
    }
    const { to } = this.#options;
    if (to === undefined || (this.#hasHeld && !isMine)) {
      if (isMine) await this.#release(record, rows, signal);
      return GIVEN_UP;
    }
    const plan = await this.#plan(to, rows, signal);
    if ('outcome' in plan) {
      // It could be done when it was looked at first: workers are not kept from their shards for it.
      if (isMine && plan.outcome === 'failed') await this.#release(record, rows, signal);
      return plan;
    }
    if (this.#options.isDryRun) {
      const result = resultOf(plan);
      const message = `${count(result.moved.length, 'shard')} would move; nothing was written`;
      return { outcome: 'done', reason: 'DryRun', message, result };
    }
    if (!isMine) return this.#hold(rows, signal);
    return this.#begin(record, { rows, plan, signal });
  }

  async #rows(signal: AbortSignal): Promise<GroupRows> {
    return decodeRows(await this.#options.table.query('all', { consistent: true, signal }));
  }

  async #done(signal: AbortSignal): Promise<ResetProgress> {
    const { table, id } = this.#options;
    // As it is by now: another process may have amended what this one has read.
    const result = resultOfSnapshot(id, await readResetSnapshot(table, id, signal));
    const message = `${count(result.moved.length, 'shard')} moved`;
    return { outcome: 'done', reason: 'Reset', message, result };
  }

  async #plan(to: ResetTarget, rows: GroupRows, signal: AbortSignal): Promise<ResetPlan | ResetProgress> {
    const { stream, clock, spec } = this.#options;
    const shards = await stream.listShards({ from: 'TRIM_HORIZON' }, { signal });
    try {
      const begins = beginningOf(spec, rows.claim?.startAt);
      const target = await resolveTarget({ ...this.#options, to, begins }, signal);
      const plan = planReset({ target, shards, leases: rows.leases, nowMs: clock.now() });
      if (plan.refusals.length === 0) return plan;
      const rest = plan.refusals.length - NAMED;
      const told = plan.refusals.slice(0, NAMED).join('; ');
      const message = `${told}${rest > 0 ? `; and ${rest} more` : ''}. Nothing was written`;
      return { outcome: 'failed', reason: 'PositionsRefused', message };
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      const error = KcgError.from(thrown);
      const reason = failureOf(error, to.type === 'Group');
      if (reason === undefined) throw error;
      return { outcome: 'failed', reason, message: describeError(error), error };
    }
  }

  /** Workers that run are asked to stop, or it is not to be. */
  async #hold(rows: GroupRows, signal: AbortSignal): Promise<ResetProgress> {
    const { table, clock, id, by, isOfResource, stopsWorkers } = this.#options;
    const { living, moving, held } = this.#owners.observe(rows);
    // Workers of a paused group own nothing, and stay.
    const running = rows.claim?.paused
      ? living.filter((row) => held.some(({ worker }) => worker === row.worker))
      : living;
    if (!stopsWorkers && (running.length > 0 || held.length > 0)) {
      const name = running[0]?.worker ?? held[0]!.worker;
      if (moving.some((row) => running.includes(row))) {
        const message = `worker ${name} runs, and whileRunning is Refuse. Nothing was written`;
        return { outcome: 'failed', reason: 'WorkersRunning', message };
      }
      const message = `whether worker ${name} runs is not known before its heartbeat moves, or has stood still for ${this.#options.leaseDurationMs / 1000} s`;
      return { outcome: 'waiting', reason: 'Waiting', message, againInMs: LOOK_MS };
    }
    const record: ResetRecord = { id, by, isOfResource, state: 'holding', at: clock.now(), parts: 0 };
    const { outcome } = await table.write(holdForReset(record, rows.claim?.reset), { signal });
    if (outcome === 'lost') return OTHERS;
    this.#hasHeld = true;
    if (living.length === 0) return this.step(signal);
    await this.#tell(living, signal);
    return { outcome: 'waiting', reason: 'StoppingWorkers', message: stopping(held), againInMs: 0 };
  }

  async #begin(
    record: ResetRecord,
    { rows, plan, signal }: { rows: GroupRows; plan: ResetPlan; signal: AbortSignal },
  ): Promise<ResetProgress> {
    const { table, clock, id } = this.#options;
    await this.#owners.fenceLapsed(table, rows, signal);
    const { held } = this.#owners.observe(rows);
    if (held.length > 0)
      return { outcome: 'waiting', reason: 'StoppingWorkers', message: stopping(held), againInMs: LOOK_MS };
    const { shards, unchanged, notes } = plan;
    const snapshot: ResetSnapshot = { layout: 1, at: clock.now(), shards, unchanged, notes };
    const parts = await writeResetSnapshot(table, { id, snapshot, signal });
    const { outcome } = await table.write(beginReset({ id, parts }), { signal });
    if (outcome === 'lost') return OTHERS;
    return this.#complete({ ...record, state: 'begun', parts }, signal);
  }

  /** From the snapshot alone. */
  async #complete(record: ResetRecord, signal: AbortSignal): Promise<ResetProgress> {
    const { table, id } = this.#options;
    const snapshot = await readResetSnapshot(table, id, signal);
    const taken = await writeParentsFirst(snapshot.shards, ({ lease, before }) =>
      table.write(moveShard(lease, before, record), { signal }),
    );
    if (taken.length > 0) return this.#amend(snapshot, { taken, signal });
    const { outcome } = await table.write(finishReset(record), { signal });
    if (outcome === 'lost') return OTHERS;
    await this.#tell(decodeRows(await table.query('workers', { consistent: true, signal })).workers, signal);
    return this.#done(signal);
  }

  /** Workers that had not seen the hold took shards: once those are free, they are moved from where they are then. */
  async #amend(
    snapshot: ResetSnapshot,
    { taken, signal }: { taken: readonly ResetShard[]; signal: AbortSignal },
  ): Promise<ResetProgress> {
    const { table, id } = this.#options;
    const rows = await this.#rows(signal);
    await this.#owners.fenceLapsed(table, rows, signal);
    const { held, living } = this.#owners.observe(rows);
    const names = new Set(taken.map(({ lease }) => lease.shardId));
    const busy = held.filter(({ shardId }) => names.has(shardId));
    if (busy.length > 0) {
      await this.#tell(living, signal);
      return { outcome: 'waiting', reason: 'StoppingWorkers', message: stopping(busy), againInMs: LOOK_MS };
    }
    const now = new Map(rows.leases.map((lease) => [lease.shardId, lease]));
    const shards = snapshot.shards.map((shard) => {
      const { shardId } = shard.lease;
      if (!names.has(shardId)) return shard;
      const row = now.get(shardId);
      return { ...shard, before: row && freeRow(row) };
    });
    await writeResetSnapshot(table, { id, snapshot: { ...snapshot, shards }, signal });
    const message = `${count(taken.length, 'shard')} had been taken meanwhile, and is free again`;
    return { outcome: 'waiting', reason: 'Writing', message, againInMs: 0 };
  }

  async #release(record: ResetRecord, rows: GroupRows, signal: AbortSignal): Promise<void> {
    await this.#options.table.write(finishReset(record), { signal });
    await this.#tell(rows.workers, signal);
  }

  /** They read the claim at their next beat. */
  async #tell(workers: readonly WorkerRow[], signal: AbortSignal): Promise<void> {
    const living = workers.filter(({ state }) => state !== 'dead');
    await writeRows(this.#options.table, living.map(knockWorker), signal);
  }
}

/** The next step sees what they did. */
const OTHERS: ResetProgress = {
  outcome: 'waiting',
  reason: 'Waiting',
  message: 'somebody else moves the positions at the same moment',
  againInMs: 200,
};

const GIVEN_UP: ResetProgress = {
  outcome: 'failed',
  reason: 'PositionsRefused',
  message: 'it was given up before anything was written',
};

/** What has to be over before another reset. */
function blockedBy(
  { claim }: GroupRows,
  { isOfResource }: Pick<ResetRunOptions, 'isOfResource'>,
): string | undefined {
  if (isImporting(claim)) return 'positions are being imported; that has to be over first';
  const other = resetUnderWay(claim);
  // What has moved nothing, and whose command line is gone, is in nobody's way; nor is a resource's where no operator is.
  if (!other || (other.state === 'holding' && !(other.isOfResource && isOfResource))) return undefined;
  return `${other.by} moves the positions; that has to be over first`;
}

function stopping(held: readonly { shardId: string; worker: string }[]): string {
  const workers = [...new Set(held.map(({ worker }) => worker))].sort();
  if (workers.length === 0) return 'workers are told to release their shards';
  const rest = workers.length - NAMED;
  const names = `${workers.slice(0, NAMED).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
  return `waiting for ${count(held.length, 'shard')} to be released by ${names}`;
}
