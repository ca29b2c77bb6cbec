import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessSize {
  residentBytes: number;
  descriptors: number;
}

/** Undefined for a process that is gone, and where there is no /proc. */
export function sizeOf(pid: number): ProcessSize | undefined {
  try {
    const resident = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    const descriptors = readdirSync(`/proc/${pid}/fd`).length;
    return resident === undefined ? undefined : { residentBytes: Number(resident) * 1_024, descriptors };
  } catch {
    return undefined;
  }
}
