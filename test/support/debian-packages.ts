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
  return unpacked(folder, packages);
}

/**
 * The same, with all that they need and this machine lacks: programs find their libraries by `LD_LIBRARY_PATH`.
 * @throws Error where there is no apt-get, it knows none of them, or it cannot download
 */
export function debianProgram(name: string, ...packages: string[]): string {
  const folder = join(homedir(), '.cache/kcg', `debian-${name}`);
  if (existsSync(folder)) return folder;
  const needed = () => {
    const plan = ['--simulate', '--no-install-recommends', 'install', ...packages];
    const said = execFileSync('apt-get', plan, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    return [...said.matchAll(/^Inst (\S+)/gm)].map((match) => match[1]!);
  };
  try {
    return unpacked(folder, needed());
  } catch {
    // A machine that is new has no lists, and one that is old has lists of packages that are no longer there.
    execFileSync('apt-get', ['update', '-q'], { stdio: 'ignore' });
    return unpacked(folder, needed());
  }
}

function unpacked(folder: string, packages: readonly string[]): string {
  const making = `${folder}.${process.pid}`;
  rmSync(making, { recursive: true, force: true });
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
