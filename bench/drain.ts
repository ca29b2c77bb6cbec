import { againstCanned } from './canned.ts';
import { spread } from './figures.ts';

/*
 * How many records a CPU-second brings from Kinesis to a handler that does nothing, through the whole worker. Baseline,
 * in turn with it: a bare loop of GetRecords on the same SDK, which has no leases, no limits, no batches and no order, and
 * opens no aggregates.
 */

const SHARDS = 16;
/** Each shard is read several times over, or what is under way at the first and the last record decides the figure. */
const CASES = [
  { bytes: 1_000, userRecords: 1, records: 640_000 },
  { bytes: 100, userRecords: 1, records: 1_600_000 },
  // The KPL fills its aggregates to 50 KB.
  { bytes: 100, userRecords: 480, records: 6_400_000 },
];
const READERS = [
  { name: 'bare GetRecords loop', args: ['bare', ''] },
  { name: 'worker, batches of 100', args: ['worker', '100'] },
  { name: 'worker, batches of 10,000', args: ['worker', '10000'] },
] as const;

interface Figures {
  perCpuSecond: number;
  perSecond: number;
  megabytes: number;
}

export async function drain(runs: number, print: (line: string) => void, scale = 1): Promise<void> {
  for (const { bytes, userRecords, records } of CASES) {
    const figures = new Map<string, Figures[]>(READERS.map(({ name }) => [name, []]));
    for (let run = 0; run < runs; run += 1) {
      for (const { name, args } of READERS) {
        const [how, batchSize] = args;
        const count = String(Math.round(records * scale));
        const reader = ['drain-reader.ts', how, count, String(userRecords), batchSize] as const;
        const served = { shards: SHARDS, bytes, userRecords };
        figures.get(name)!.push(await againstCanned<Figures>(served, reader));
      }
    }
    const what = userRecords === 1 ? 'records' : `KPL aggregates of ${userRecords} records`;
    print(`${SHARDS} shards, ${what} of ${bytes} B: thousand records per CPU-second`);
    const bare = figures.get(READERS[0].name)!;
    for (const [name, all] of figures) {
      const rates = all.map(({ perCpuSecond }) => perCpuSecond / 1e3);
      print(`  ${name.padEnd(26)} ${spread(rates, 'k', 0)}`);
      // Taken run by run: what else the machine does then weighs on both.
      const ratios = all.map(({ perCpuSecond }, run) => perCpuSecond / bare[run]!.perCpuSecond);
      if (all !== bare) print(`    ${'against the bare loop'.padEnd(24)} ${spread(ratios, 'times', 2)}`);
      const megabytes = all.map((each) => each.megabytes);
      print(`    ${'peak memory'.padEnd(24)} ${spread(megabytes, 'MB', 0)}`);
    }
  }
}
