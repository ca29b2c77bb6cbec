import { existsSync, readFileSync } from 'node:fs';

/** Also false for one that has ended and that its parent has not asked for yet, which some machines' init does late. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    const stat = `/proc/${pid}/stat`;
    return !existsSync(stat) || !/\) Z /.test(readFileSync(stat, 'utf8'));
  } catch {
    return false;
  }
}
