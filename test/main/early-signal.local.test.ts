import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { encodeWorkerConfig, WORKER_CONFIG_ENV } from '../../src/api/worker-config.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { wasToldToEnd } from '../../src/main/early-signal.ts';
import { aWorkerConfig } from '../support/builders.ts';
import { KCG } from '../support/kcg-program.ts';

describe('a process that is told to end before its code runs', () => {
  it.each([
    ['process 1, whose Node still catches SIGTERM', 1, 'SigCgt:\t0000000100004602\n', false],
    ['process 1, whose Node has caught it', 1, 'SigCgt:\t0000000100000602\n', true],
    ['another process: it would be dead', 7, 'SigCgt:\t0000000100000602\n', false],
    ['process 1 without /proc', 1, '', false],
  ])('is seen by what is left of it: %s', (_, pid, status, expected) => {
    expect(wasToldToEnd(pid, () => `Name:\tnode\n${status}`)).toBe(expected);
  });

  const isolated = ['--pid', '--fork', '--mount-proc', '--kill-child'];
  const canBeOne = spawnSync('unshare', [...isolated, 'true']).status === 0;
  it.runIf(canBeOne)('ends at once as process 1, where the kernel drops the signal', async () => {
    // A table that nobody serves: a worker that missed the signal waits for it for ever.
    const config = encodeWorkerConfig(
      aWorkerConfig({ kinesis: 'http://127.0.0.1:9', dynamodb: 'http://127.0.0.1:9' }),
    );
    const { PATH = '' } = process.env;
    const keys = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
    const command = [process.execPath, KCG, 'worker', '--port=0'];
    const told = async () => {
      const child = spawn('unshare', [...isolated, ...command], {
        env: { PATH, ...keys, [WORKER_CONFIG_ENV]: config },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      onTestFinished(() => void child.kill('SIGKILL'));
      let output = '';
      child.stdout.on('data', (data: Buffer) => (output += data.toString()));
      child.stderr.on('data', (data: Buffer) => (output += data.toString()));
      const ended = new Promise<number | null>((done) => child.once('close', done));
      const pid = await untilNodeCatchesSigterm(child.pid!);
      process.kill(pid, 'SIGTERM');
      return { code: await ended, output };
    };
    let end = await told();
    // On a busy machine this process may have had its turn too late to be early.
    for (let again = 0; end.output.includes('listening') && again < 30; again += 1) end = await told();
    expect(end.code).toBe(0);
    expect(end.output).not.toContain('listening');
  });
});

/** The process behind `unshare`, as soon as Node's own handler is in place: long before any code of ours. */
async function untilNodeCatchesSigterm(parent: number): Promise<number> {
  for (;;) {
    const [child = ''] = read(`/proc/${parent}/task/${parent}/children`).trim().split(' ');
    const [, caught = '0'] = /^SigCgt:\s*(\w+)$/m.exec(child && read(`/proc/${child}/status`)) ?? [];
    const isNode = child !== '' && read(`/proc/${child}/cmdline`).startsWith(process.execPath);
    if (isNode && (BigInt(`0x${caught}`) >> 14n) & 1n) return Number(child);
    await clock.sleep(1);
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
