import { expect, test } from 'vitest';
import { runFunction } from '../../../src/dev/pods/function-process.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { systemRandom } from '../../../src/lib/random.ts';

test.each([
  ['nowhere/python', `there is no nowhere/python in ${process.cwd()}, or not the interpreter`],
  ['/nowhere/python', 'there is no /nowhere/python, or not the interpreter'],
  ['no-such-python', 'no folder of the PATH has no-such-python'],
])(
  'a function whose program is %s is told to have none, and where it was looked for',
  async (program, why) => {
    const stop = new AbortController();
    const lines: string[] = [];
    const onLine = (line: string) => {
      lines.push(line);
      stop.abort();
    };
    const options = { command: [program], env: {}, clock: systemClock, random: systemRandom, onLine };
    await runFunction(options, stop.signal);
    expect(lines).toEqual([expect.stringContaining(`the function cannot be started: ${why}`)]);
  },
);
