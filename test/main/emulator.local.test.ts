import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { kcgHere } from '../support/kcg-here.ts';
import { KCG } from '../support/kcg-program.ts';

/* `kcg emulator` as a process, and `kcg put --rate` beside it, as they are in a cluster of kind. */

const KEYS = { AWS_ACCESS_KEY_ID: 'any', AWS_SECRET_ACCESS_KEY: 'any' };

function kcg(...args: string[]): ChildProcessByStdio<null, Readable, Readable> {
  const child = spawn(process.execPath, [KCG, ...args], {
    env: { HOME: '/nowhere', NO_COLOR: '1', ...KEYS },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

async function lines(child: { stdout: Readable }, wanted: number): Promise<string[]> {
  const found: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) if (found.push(line) === wanted) break;
  return found;
}

async function stopped(child: ReturnType<typeof kcg>): Promise<number | null> {
  child.stdout.resume();
  child.kill('SIGINT');
  const [code] = (await once(child, 'exit')) as [number | null];
  return code;
}

test('serves streams to put into, on loopback alone, until Ctrl-C; records come at a pace until Ctrl-C', async () => {
  const emulator = kcg('emulator', '--stream=orders=2', '--kinesis-port=0', '--dynamodb-port=0');
  const endpoints = (await lines(emulator, 2)).map(
    (line) => (JSON.parse(line) as { endpoint: string }).endpoint,
  );
  expect(endpoints).toEqual([
    expect.stringMatching(/^http:\/\/127.0.0.1:/),
    expect.stringMatching(/^http:\/\/127.0.0.1:/),
  ]);

  const producer = kcg(
    'put',
    '--stream=orders',
    `--kinesis-endpoint=${endpoints[0]}`,
    '--data=x',
    '--rate=100',
  );
  const said = text(producer.stderr);
  for (const line of await lines(producer, 20)) expect(line).toMatch(/^shardId-00000000000[01] \d+$/);
  expect(await stopped(producer)).toBe(0);
  expect(await said).toMatch(/^\d+ records put\n$/);
  expect(await stopped(emulator)).toBe(0);
});

test.each([
  ['orders', "--stream takes a name and the number of shards, not 'orders'. Write --stream orders=4."],
  ['orders=0', "--stream takes a name and the number of shards, not 'orders=0'. Write --stream orders=4."],
  ['a b=1', "--stream takes a name and the number of shards, not 'a b=1'. Write --stream orders=4."],
])('a stream that cannot be is refused: %s', async (stream, says) => {
  const run = await kcgHere(['emulator', '--stream', stream, '--kinesis-port', '0'], {});
  expect(run).toEqual({ code: 2, stdout: '', stderr: `error: ${says}\n` });
});
