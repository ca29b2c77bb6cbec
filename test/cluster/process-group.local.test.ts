import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { expect, test, vi } from 'vitest';
import { isRunning } from '../support/is-running.ts';
import { ProcessGroup } from './process-group.ts';

const OWNER = `
  import { ProcessGroup } from ${JSON.stringify(import.meta.resolve('./process-group.ts'))};
  const group = new ProcessGroup('kcg-group-test-');
  group.start('one', ['sh', '-c', 'echo $$ >part; mv part id; exec sleep 300']);
  await group.waitFor('id', 120, async () => (await import('node:fs')).existsSync(group.folder + '/id'));
  console.log(JSON.stringify([group.folder, Number((await import('node:fs')).readFileSync(group.folder + '/id', 'utf8'))]));
`;

test.each(['SIGKILL', 'SIGTERM'] as const)(
  'an owner that dies of %s leaves nothing behind',
  async (signal) => {
    const owner = spawn(process.execPath, ['--input-type=module', '-e', OWNER], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface(owner.stdout), 'line')) as [string];
    const [folder, pid] = JSON.parse(line) as [string, number];
    expect(isRunning(pid)).toBe(true);
    owner.kill(signal);
    await vi.waitFor(() => expect([isRunning(pid), existsSync(folder)]).toEqual([false, false]), 120_000);
  },
);

test('stop ends the processes and removes their folder', async () => {
  const group = new ProcessGroup('kcg-group-test-');
  group.start('gentle', ['sleep', '300']);
  await group.stop();
  expect(existsSync(group.folder)).toBe(false);
});

test('a process that ends early is reported with the end of its log', async () => {
  const group = new ProcessGroup('kcg-group-test-');
  group.start('server', ['sh', '-c', 'echo no such flag; exit 3']);
  await expect(group.waitFor('it', 120, async () => false)).rejects.toThrow(
    /server ended before it was there:\nno such flag/,
  );
  await group.stop();
});

test('a program that does not exist is reported as ended', async () => {
  const group = new ProcessGroup('kcg-group-test-');
  group.start('server', ['/nowhere/server']);
  await expect(group.waitFor('it', 120, async () => false)).rejects.toThrow(/server ended/);
  await group.stop();
});
