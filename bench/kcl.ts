import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startLocalDynamoDb } from '../src/dev/dynamodb/server.ts';
import { systemClock as clock } from '../src/lib/clock.ts';
import { silentLog as log } from '../src/lib/log.ts';
import { mavenClassPath } from '../test/support/peer-programs.ts';
import { againstCanned, withCanned } from './canned.ts';
import { spread } from './figures.ts';

/*
 * How many records a CPU-second brings to a handler that does nothing: through kcg's worker, and through KCL 3.5.1 in Java by
 * polling, in turn, against the same canned answers. KCL has its leases on the local DynamoDB server, the worker in memory: a
 * few calls a second.
 */

const SHARDS = 16;
/** So many that the JVM has compiled what it will when it counts. */
const CASES = [
  { bytes: 1_000, records: 1_280_000 },
  { bytes: 100, records: 9_600_000 },
];
const POM = join(import.meta.dirname, '../test/dev/peers/kcl/pom.xml');

/** KCL tries again for ever what does not work. */
const LONGEST_MS = 900_000;

interface Figures {
  perCpuSecond: number;
  megabytes: number;
}

export async function kcl(runs: number, print: (line: string) => void, scale = 1): Promise<void> {
  const classPath = await mavenClassPath(POM).catch(() => undefined);
  if (classPath === undefined) return print('there is no Java here, and so nothing to compare with');
  for (const { bytes, records } of CASES) {
    const count = String(Math.round(records * scale));
    const served = { shards: SHARDS, bytes };
    const figures = { kcl: [] as Figures[], kcg: [] as Figures[] };
    for (let run = 0; run < runs; run += 1) {
      figures.kcl.push(await withCanned(served, (endpoint) => byKcl(classPath, endpoint, count)));
      figures.kcg.push(await againstCanned(served, ['drain-reader.ts', 'worker', count, '1', '10000']));
    }
    print(`${SHARDS} shards, records of ${bytes} B: thousand records per CPU-second`);
    const ratios = figures.kcg.map((each, run) => each.perCpuSecond / figures.kcl[run]!.perCpuSecond);
    for (const [name, all] of [
      ['KCL 3.5.1', figures.kcl],
      ['kcg worker', figures.kcg],
    ] as const) {
      const rates = all.map(({ perCpuSecond }) => perCpuSecond / 1e3);
      print(`  ${name.padEnd(26)} ${spread(rates, 'k', 0)}`);
      if (all === figures.kcg) print(`    ${'against KCL'.padEnd(24)} ${spread(ratios, 'times', 2)}`);
      const megabytes = all.map((each) => each.megabytes);
      print(`    ${'peak memory'.padEnd(24)} ${spread(megabytes, 'MB', 0)}`);
    }
  }
}

async function byKcl(classPath: string, kinesis: string, records: string): Promise<Figures> {
  const dynamodb = await startLocalDynamoDb({ clock, log });
  try {
    const program = join(import.meta.dirname, 'kcl/KclDrain.java');
    const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn';
    const { stdout } = await promisify(execFile)(
      'java',
      [quiet, '-cp', classPath, program, kinesis, dynamodb.endpoint, records],
      { env: { ...process.env, AWS_EC2_METADATA_DISABLED: 'true' }, timeout: LONGEST_MS },
    );
    return JSON.parse(stdout) as Figures;
  } finally {
    await dynamodb.close();
  }
}
