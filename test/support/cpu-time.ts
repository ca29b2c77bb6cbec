import { readFileSync } from 'node:fs';

/** Of Linux, whatever the machine: USER_HZ. */
const TICKS_PER_SECOND = 100;

/** Of this process and of those it has waited for, user and system. Elsewhere than on Linux without the latter. */
export function cpuSeconds(stat = ownStat()): number {
  if (stat === undefined) {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  }
  // The second field is the name in brackets, which may hold blanks; utime is the 14th, and cstime the 17th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND;
}

function ownStat(): string | undefined {
  try {
    return readFileSync('/proc/self/stat', 'utf8');
  } catch {
    return undefined;
  }
}
