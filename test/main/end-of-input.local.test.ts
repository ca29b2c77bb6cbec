import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';

/** A process that watches its input and does `work`; ends as the returned promise says once its input has ended. */
function started(work: string) {
  const script = `
    import { endOfInput } from ${JSON.stringify(import.meta.resolve('../../src/main/worker/end-of-input.ts'))};
    const ended = endOfInput(1_000);
    console.log('watches');
    ${work}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  return { child, exited: once(child, 'exit'), watches: once(child.stdout, 'data') };
}

test.each<[what: string, work: string, exit: [number | null, string | null]]>([
  ['blocks its event loop is killed', 'for (;;);', [null, 'SIGKILL']],
  ['does not stop is killed', 'setInterval(() => {}, 1_000);', [null, 'SIGKILL']],
  [
    'stops in order ends by itself',
    'const timer = setInterval(() => {}, 1_000); ended.addEventListener("abort", () => clearInterval(timer));',
    [0, null],
  ],
])('a process whose parent is gone and that %s', async (_, work, exit) => {
  const { child, exited, watches } = started(work);
  await watches;
  child.stdin.end();
  expect(await exited).toEqual(exit);
});

test('a process that is done is not kept alive by watching', async () => {
  const { exited } = started('');
  expect(await exited).toEqual([0, null]);
});
