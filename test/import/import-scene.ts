import { vi } from 'vitest';
import type { ForeignPositions } from '../../src/import/foreign-store.ts';
import { ImportRun } from '../../src/import/import-run.ts';
import type { ImportSource } from '../../src/import/import-source.ts';
import { planImport } from '../../src/import/plan-import.ts';
import type { Shard } from '../../src/kinesis/shard.ts';
import { MemoryLeaseTable, type MemoryTableHooks } from '../../src/leases/memory/lease-table.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { number, text } from '../../src/leases/row.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { aPosition, aShard, at, somePositions } from './foreign-builders.ts';

/** A group without a row, and another consumer whose rows the test moves. */
export class ImportScene {
  readonly clock = new ManualClock();
  readonly table: MemoryLeaseTable;
  readonly signal = new AbortController().signal;
  shards: Shard[] = [aShard(0, { closed: true }), aShard(1, { parents: [0] }), aShard(2, { parents: [0] })];
  foreign: ForeignPositions = {
    ...somePositions([
      aPosition(0, { at: 'SHARD_END' }),
      { ...aPosition(1, at('2000')), owner: 'theirs-1' },
      aPosition(2, { at: 'SEQUENCE', sequence: '3000', subSequence: 4 }),
    ]),
    expiryMs: 10_000,
  };
  readonly looks = vi.fn<() => void>();

  constructor(hooks: MemoryTableHooks = {}) {
    this.table = new MemoryLeaseTable(hooks);
  }

  get source(): ImportSource {
    return {
      name: 'KCL table orders-app',
      look: async ({ nowMs }) => {
        this.looks();
        const { foreign, shards } = this;
        const plan = planImport({ foreign, shards, initialPosition: { at: 'TRIM_HORIZON' }, nowMs });
        return { foreign, plan, rows: { source: foreign.source, rows: [{ leaseKey: 'a' }] } };
      },
      close: () => {},
    };
  }

  /** The other consumer shows a sign of life. */
  move(index = 1): void {
    const positions = this.foreign.positions.map((position, n) =>
      n === index ? { ...position, movement: `${position.movement}+` } : position,
    );
    this.foreign = { ...this.foreign, positions, movement: `${this.foreign.movement}+` };
  }

  run(from: ImportSource | 'none' = this.source, seed = 1): ImportRun {
    const { table, clock } = this;
    const source = from === 'none' ? undefined : from;
    return new ImportRun({ table, source, clock, random: seededRandom(seed), leaseDurationMs: 15_000 });
  }

  /** What the rows of shards say: `1 2000`, in order of their names. */
  positions(): string[] {
    return this.table
      .rows()
      .filter(({ shard_id }) => !shard_id.includes('#'))
      .toSorted((a, b) => (a.shard_id < b.shard_id ? -1 : 1))
      .map((row) => {
        const sub = number(row, 'sub_sequence');
        const at = `${Number(row.shard_id.slice(8))} ${text(row, 'sequence')}`;
        return sub === undefined ? at : `${at}+${sub}`;
      });
  }

  /** Until it is over: looks and waits as it asks to. */
  async import(run = this.run()): Promise<Awaited<ReturnType<ImportRun['step']>>> {
    for (let steps = 0; steps < 50; steps += 1) {
      const progress = await run.step(this.signal);
      if (progress.isSettled || progress.againInMs === undefined) return progress;
      await this.clock.advance(progress.againInMs);
    }
    throw new Error('not over after 50 steps');
  }
}

/** The `nth` write from now on gets no answer; `before`: nor has it any effect. */
export function failWrite({ table }: ImportScene, nth: number, when: 'before' | 'after'): void {
  const write = table.write.bind(table);
  let writes = 0;
  table.write = async (row, options) => {
    writes += 1;
    if (writes !== nth) return write(row, options);
    if (when === 'after') await write(row, options);
    throw new KcgError('Timeout', 'no answer');
  };
}
