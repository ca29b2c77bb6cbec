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
  microsecondsAPoll: number;
  pollsASecond: number;
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
    const apiece = all.map((each) => each.microsecondsAPoll);
    print(`    ${'CPU of one poll'.padEnd(24)} ${spread(apiece, 'µs', 0)}`);
    const ratios = apiece.map((each, run) => each / bare[run]!.microsecondsAPoll);
    if (all !== bare) print(`    ${'against the bare loop'.padEnd(24)} ${spread(ratios, 'times', 2)}`);
    const polls = all.map((each) => each.pollsASecond);
    print(`    ${'polls a second'.padEnd(24)} ${spread(polls, '', 0)}`);
    const megabytes = all.map((each) => each.megabytes);
    print(`    ${'peak memory'.padEnd(24)} ${spread(megabytes, 'MB', 0)}`);
  }
}
