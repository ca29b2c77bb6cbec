import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';

/**
 * A process that watches its input and does `work`; ends as the returned promise says once its input has ended, by SIGKILL
 * when that takes longer than `graceMs`.
 */
function started(work: string, graceMs: number) {
  const script = `
    import { endOfInput } from ${JSON.stringify(import.meta.resolve('../../src/main/worker/end-of-input.ts'))};
    const ended = endOfInput(${graceMs});
    console.log('watches');
    ${work}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return { child, exited: once(child, 'exit'), watches: once(child.stdout, 'data') };
}

const MINUTES = 300_000;

test.each<[what: string, work: string, graceMs: number, exit: [number | null, string | null]]>([
  ['blocks its event loop is killed', 'for (;;);', 1_000, [null, 'SIGKILL']],
  ['does not stop is killed', 'setInterval(() => {}, 1_000);', 1_000, [null, 'SIGKILL']],
  [
    'stops in order ends by itself',
    'const timer = setInterval(() => {}, 1_000); ended.addEventListener("abort", () => clearInterval(timer));',
    MINUTES,
    [0, null],
  ],
])('a process whose parent is gone and that %s', async (_, work, graceMs, exit) => {
  const { child, exited, watches } = started(work, graceMs);
  await watches;
  child.stdin.end();
  expect(await exited).toEqual(exit);
});

test('a process that is done is not kept alive by watching', async () => {
  const { exited } = started('', MINUTES);
  expect(await exited).toEqual([0, null]);
});
