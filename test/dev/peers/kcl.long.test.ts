import { join } from 'node:path';
import { it } from 'vitest';
import {
  mavenClassPath,
  namespaceProblem,
  startProgram,
  type PeerProgram,
} from '../../support/peer-programs.ts';
import { startLoneKcgDev } from './kcg-dev.ts';

const FOLDER = join(import.meta.dirname, 'kcl');

const problem = namespaceProblem();
if (problem) console.warn(`KCL is not checked: ${problem}`);
// It asks 169.254.169.254 where it runs, whatever it is told, so it gets a network of its own.

// Under CI=true it has to run: there the attempt says what is missing.
// Both mostly wait, each in a network of its own.
it.skipIf(problem !== undefined && process.env['CI'] !== 'true').concurrent.for(['polling', 'fan-out'])(
  'KCL 3.5.1 makes its table and index on kcg dev, and reads by %s to the end, a split included',
  { timeout: 1_200_000 },
  async (mode, { onTestFinished }) => {
    const stopAtEnd = (program: PeerProgram) => {
      onTestFinished(() => program.stop());
      return program;
    };
    const classPath = await mavenClassPath(join(FOLDER, 'pom.xml'));
    const { dev, inside } = await startLoneKcgDev([]);
    stopAtEnd(dev.program);
    const servers = [dev.kinesis, dev.dynamodb];
    const feed = stopAtEnd(startProgram([...inside, process.execPath, join(FOLDER, 'feed.ts'), ...servers]));
    const say = (line: string, answer: RegExp) => {
      feed.child.stdin?.write(`${line}\n`);
      return feed.says(answer);
    };
    await say('put first', /put first failed 0/);
    const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn';
    const java = ['java', quiet, '-cp', classPath, join(FOLDER, 'KclCheck.java'), 'orders', 'kcl-app'];
    const kcl = stopAtEnd(startProgram([...inside, ...java, ...servers, mode]));
    await kcl.says(/^total 100$/m, 480);
    await say('split', /^split/m);
    await say('put second', /put second failed 0/);
    await kcl.says(/^total 200$/m, 480);
    await say('end', /^ended/m);
  },
);
