import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/** Where the folder of that name is, or would be. What decides what is in it is to be in the name: a version, or a hash. */
export function cachePath(name: string): string {
  return join(homedir(), '.cache/kcg', name);
}

/** A folder of ~/.cache/kcg made by `fill` from nothing, or as an earlier run left it; whole, also when two make it at a time. */
export function cachedFolder(name: string, fill: (folder: string) => void): string {
  const folder = cachePath(name);
  if (existsSync(folder)) return folder;
  mkdirSync(dirname(folder), { recursive: true });
  const making = mkdtempSync(`${folder}.`);
  try {
    fill(making);
    renameSync(making, folder);
  } catch (error) {
    rmSync(making, { recursive: true, force: true });
    // Somebody else was first.
    if (!existsSync(folder)) throw error;
  }
  return folder;
}
