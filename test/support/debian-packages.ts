import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Packages of this machine's Debian or Ubuntu, unpacked into a folder of the cache: nothing is installed. They are of the release
 * that the machine has, as a user of it has them.
 * @throws Error where there is no apt-get, or it cannot download
 */
export function debianPackages(name: string, ...packages: string[]): string {
  const folder = join(homedir(), '.cache/kcg', `debian-${name}`);
  if (existsSync(folder)) return folder;
  const making = `${folder}.${process.pid}`;
  mkdirSync(join(making, 'root'), { recursive: true });
  const download = () =>
    execFileSync('apt-get', ['download', '-q', ...packages], { cwd: making, stdio: 'ignore' });
  try {
    download();
  } catch {
    // A new machine has no lists yet.
    execFileSync('apt-get', ['update', '-q'], { stdio: 'ignore' });
    download();
  }
  for (const file of readdirSync(making).filter((each) => each.endsWith('.deb')))
    execFileSync('dpkg', ['-x', file, 'root'], { cwd: making });
  try {
    renameSync(join(making, 'root'), folder);
  } catch {
    // Somebody else was first.
  }
  rmSync(making, { recursive: true, force: true });
  return folder;
}
