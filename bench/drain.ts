import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { spread } from './figures.ts';

/*
 * How many records a CPU-second brings from Kinesis to a handler that does nothing, through the whole worker. Baseline,
 * in turn with it: a bare loop of GetRecords on the same SDK, which has no leases, no limits, no batches and no order.
 */

const SHARDS = 16;
/** Each shard is read several times over, or what is under way at the first and the last record decides the figure. */
const CASES = [
  { bytes: 1_000, records: 640_000 },
  { bytes: 100, records: 1_600_000 },
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
  for (const { bytes, records } of CASES) {
    const figures = new Map<string, Figures[]>(READERS.map(({ name }) => [name, []]));
    for (let run = 0; run < runs; run += 1) {
      for (const { name, args } of READERS) {
        figures.get(name)!.push(await read(args, bytes, Math.round(records * scale)));
      }
    }
    print(`${SHARDS} shards, records of ${bytes} B: thousand records per CPU-second`);
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

async function read(
  [how, batchSize]: readonly [string, string],
  bytes: number,
  records: number,
): Promise<Figures> {
  const here = (file: string) => join(import.meta.dirname, file);
  const server = spawn(process.execPath, [here('canned-kinesis.ts'), String(SHARDS), String(bytes)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    const [port] = (await once(server.stdout, 'data')) as [Buffer];
    const endpoint = `http://127.0.0.1:${String(port).trim()}`;
    const args = [here('drain-reader.ts'), how, endpoint, String(SHARDS), String(records), batchSize];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return JSON.parse(stdout) as Figures;
  } finally {
    server.kill();
  }
}
