import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessSize {
  /** What it has made, wherever the system keeps it: of the files that it has read, the system drops pages and takes them in again. */
  ownBytes: number;
  descriptors: number;
}

/** Undefined for a process that is gone, and where there is no /proc. */
export function sizeOf(pid: number): ProcessSize | undefined {
  try {
    const parts = readFileSync(`/proc/${pid}/status`, 'utf8').matchAll(
      /^(?:RssAnon|RssShmem|VmSwap):\s+(\d+) kB$/gm,
    );
    const ownBytes = [...parts].reduce((sum, [, kilobytes]) => sum + Number(kilobytes) * 1_024, 0);
    const descriptors = readdirSync(`/proc/${pid}/fd`).length;
    // One that has ended and is not collected yet has none.
    return ownBytes === 0 ? undefined : { ownBytes, descriptors };
  } catch {
    return undefined;
  }
}
