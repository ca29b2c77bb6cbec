import { Scenario } from '../test/sim/scenario.ts';
import { Counter, sizeOf } from './count-requests.ts';

/*
 * What a clean stop costs the table, and what a rollout does: the worker's own code on memory twins and a virtual clock, an
 * idle group, nudges that arrive. To compare: the same group left alone for as long.
 */

const SETTLE_MS = 120_000;
const WINDOW_MS = 3_000;
const CASES = [
  { workers: 4, shards: 64 },
  { workers: 16, shards: 256 },
  { workers: 16, shards: 1_024 },
  { workers: 64, shards: 1_024 },
];
const ROLLOUTS = [
  { workers: 4, shards: 64 },
  { workers: 8, shards: 128 },
  { workers: 16, shards: 256 },
];

export async function stop(_: number, print: (line: string) => void): Promise<void> {
  for (const { workers, shards } of CASES) {
    const { group, costs } = await start(workers, shards);
    const alone = await costs.of(() => group.pass(WINDOW_MS));
    const stopping = await costs.of(async () => {
      group.deployment.scaleTo(workers - 1);
      await group.pass(WINDOW_MS);
    });
    print(`${workers} workers on ${shards} shards, one of them stops: ${WINDOW_MS / 1_000} s`);
    print(`  ${'left alone'.padEnd(12)} ${alone}`);
    print(`  ${'the stop'.padEnd(12)} ${stopping}`);
    end(group);
  }
  for (const { workers, shards } of ROLLOUTS) {
    const { group, costs } = await start(workers, shards);
    let tookMs = 0;
    const rolling = await costs.of(async () => {
      const beganMs = group.time.nowMs;
      group.deployment.rollOut();
      await group.advance(600_000, () => group.deployment.isSettled() && group.unplaced().length === 0);
      tookMs = group.time.nowMs - beganMs;
    });
    const alone = await costs.of(() => group.pass(tookMs));
    print(`${workers} workers on ${shards} shards, all of them replaced: ${tookMs / 1_000} s`);
    print(`  ${'left alone'.padEnd(12)} ${alone}`);
    print(`  ${'the rollout'.padEnd(12)} ${rolling}`);
    end(group);
  }
}

async function start(workers: number, shards: number): Promise<{ group: Scenario; costs: Costs }> {
  const group = new Scenario({ workers, shards, config: { leaseDurationMs: 15_000 } });
  group.rate = 0;
  await group.settle(SETTLE_MS);
  return { group, costs: new Costs(group) };
}

function end(group: Scenario): void {
  for (const worker of group.workers) worker.forget();
}

/** Requests and read units as DynamoDB counts them: 4 KiB, half of that for a read that is not strongly consistent. */
class Costs {
  readonly #counter = new Counter();

  constructor({ table }: Scenario) {
    const query = table.query.bind(table);
    const get = table.get.bind(table);
    const write = table.write.bind(table);
    const units = (bytes: number, consistent: boolean) =>
      this.#counter.add('units', Math.max(1, Math.ceil(bytes / 4_096)) * (consistent ? 1 : 0.5));
    table.query = async (rows, options) => {
      const found = await query(rows, options);
      this.#counter.add(`reads of ${rows === 'all' ? 'all' : 'worker'} rows`);
      units(
        found.reduce((sum, row) => sum + sizeOf(row), 0),
        options.consistent,
      );
      return found;
    };
    table.get = async (key, options) => {
      const row = await get(key, options);
      this.#counter.add('reads of one row');
      units(row ? sizeOf(row) : 0, options.consistent);
      return row;
    };
    table.write = (row, options) => {
      this.#counter.add('writes');
      return write(row, options);
    };
  }

  async of(work: () => Promise<unknown>): Promise<string> {
    this.#counter.clear();
    await work();
    const kinds = ['reads of all rows', 'reads of worker rows', 'reads of one row', 'writes'];
    const counts = kinds.map((kind) => `${this.#counter.get(kind)} ${kind}`).join(', ');
    return `${Math.round(this.#counter.get('units')).toLocaleString('en')} read units: ${counts}`;
  }
}
