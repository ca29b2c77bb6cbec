import { statSync } from 'node:fs';
import type { Clock } from '../lib/clock.ts';

export interface WatchOptions {
  files: readonly string[];
  /** How they were when they were read, by `stampsOf`: what has changed since is told too. Default: as they are now. */
  since?: ReadonlyMap<string, string> | undefined;
  /** Something of them has changed, and holds still since. Returns the files to watch from now on. */
  onChange: () => Promise<readonly string[]>;
  clock: Clock;
  signal: AbortSignal;
}

const LOOK_MS = 200;

/** To tell by whether files have changed; take it before they are read. */
export function stampsOf(files: readonly string[]): Map<string, string> {
  return new Map(files.map((file) => [file, look(file)]));
}

/**
 * Watches files until `signal` aborts, by looking: editors put new files in place of old ones, and
 * notifications do not cross the border of a container or a network.
 */
export async function watchFiles({ files, since, onChange, clock, signal }: WatchOptions): Promise<void> {
  let known = new Map([...stampsOf(files), ...(since ?? [])]);
  const lookAt = () => stampsOf([...known.keys()]);
  while (!signal.aborted) {
    await clock.sleep(LOOK_MS, { signal });
    let now = lookAt();
    if (isSame(now, known)) continue;
    for (let before = known; !isSame(before, now) && !signal.aborted; now = lookAt()) {
      before = now;
      await clock.sleep(LOOK_MS, { signal });
    }
    if (signal.aborted) return;
    // What changes while that takes is seen at the next look.
    const next = await onChange();
    known = new Map(next.map((file) => [file, now.get(file) ?? look(file)]));
  }
}

function look(file: string): string {
  const found = statSync(file, { throwIfNoEntry: false });
  return found ? `${found.ino} ${found.size} ${found.mtimeMs}` : 'gone';
}

function isSame(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return [...a].every(([file, stamp]) => b.get(file) === stamp);
}
