import { againstCanned } from './canned.ts';
import { spread } from './figures.ts';

/*
 * What it costs a worker to poll shards that are caught up, once a second each. Baseline, in turn with it: a bare loop of
 * GetRecords on the same SDK that polls as many.
 */

const SHARDS = 1_000;
const SECONDS = 15;
const READERS = [
  { name: 'bare GetRecords loop', how: 'bare' },
  { name: 'worker', how: 'worker' },
] as const;

interface Figures {
  cores: number;
  megabytes: number;
}

export async function idle(runs: number, print: (line: string) => void): Promise<void> {
  const figures = new Map<string, Figures[]>(READERS.map(({ name }) => [name, []]));
  for (let run = 0; run < runs; run += 1) {
    for (const { name, how } of READERS) {
      const reader = ['idle-reader.ts', how, String(SECONDS)] as const;
      figures.get(name)!.push(await againstCanned<Figures>({ shards: SHARDS, bytes: 0 }, reader));
    }
  }
  print(`${SHARDS} idle shards, polled once a second each: cores`);
  const bare = figures.get(READERS[0].name)!;
  for (const [name, all] of figures) {
    const cores = all.map((each) => each.cores);
    print(`  ${name.padEnd(26)} ${spread(cores, '', 2)}`);
    const ratios = cores.map((each, run) => each / bare[run]!.cores);
    if (all !== bare) print(`    ${'against the bare loop'.padEnd(24)} ${spread(ratios, 'times', 2)}`);
    const megabytes = all.map((each) => each.megabytes);
    print(`    ${'peak memory'.padEnd(24)} ${spread(megabytes, 'MB', 0)}`);
  }
}
