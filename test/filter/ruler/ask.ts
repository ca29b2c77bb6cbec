import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export const ENGINE = 'Maven software.amazon.event.ruler:event-ruler 2.1.0';
export type Question = readonly [pattern: string, event: string];
export type Answer = 'match' | 'no match' | 'refused';

const here = import.meta.dirname;
const run = promisify(execFile);

/** Asks the engine that AWS runs. Needs a JDK (17 or later) and Maven, which fetches the engine once. */
export async function askRuler(questions: readonly Question[]): Promise<Answer[]> {
  const folder = await mkdtemp(join(tmpdir(), 'kcg-ruler-'));
  try {
    const pom = ['-q', '-B', '-f', join(here, 'pom.xml')];
    await run('mvn', [...pom, 'dependency:copy-dependencies', `-DoutputDirectory=${folder}`]);
    const asking = run('java', ['-cp', `${folder}/*`, join(here, 'Answers.java')], { maxBuffer: 2 ** 28 });
    asking.child.stdin!.end(JSON.stringify(questions));
    return JSON.parse((await asking).stdout) as Answer[];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
