import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cachedFolder, cachePath } from '../../scripts/cached-folder.ts';

/**
 * Packages of this machine's Debian or Ubuntu, unpacked into a folder of the cache: nothing is installed. They are of the release
 * that the machine has, as a user of it has them.
 * @throws Error where there is no apt-get, or it cannot download
 */
export function debianPackages(name: string, ...packages: string[]): string {
  return cachedFolder(folderName(name, packages), (folder) => withLists(() => unpack(folder, packages)));
}

/**
 * The same, with all that they need and this machine lacks: programs find their libraries by `LD_LIBRARY_PATH`.
 * @throws Error where there is no apt-get, it knows none of them, or it cannot download
 */
export function debianProgram(name: string, ...packages: string[]): string {
  return cachedFolder(folderName(name, packages), (folder) =>
    withLists(() => {
      const plan = ['--simulate', '--no-install-recommends', 'install', ...packages];
      const said = execFileSync('apt-get', plan, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
      unpack(
        folder,
        [...said.matchAll(/^Inst (\S+)/gm)].map((match) => match[1]!),
      );
    }),
  );
}

/** Other packages, or those of another release, are in another folder. */
function folderName(name: string, packages: readonly string[]): string {
  const release = readFileSync('/etc/os-release', 'utf8').match(/^(?:ID|VERSION_ID)=.*$/gm) ?? [];
  const what = [process.arch, ...release, ...packages].join(' ');
  return `debian-${name}-${createHash('sha256').update(what).digest('hex').slice(0, 12)}`;
}

/** A machine that is new has no lists of packages, and one that is old has lists of packages that are no longer there. */
function withLists(get: () => void): void {
  try {
    get();
  } catch {
    // A second one at the same time is refused.
    execFileSync('flock', [cachePath('apt-lists.lock'), 'apt-get', 'update', '-q'], { stdio: 'ignore' });
    get();
  }
}

function unpack(folder: string, packages: readonly string[]): void {
  const archives = join(folder, 'archives');
  mkdirSync(archives, { recursive: true });
  execFileSync('apt-get', ['download', '-q', ...packages], { cwd: archives, stdio: 'ignore' });
  for (const file of readdirSync(archives)) execFileSync('dpkg', ['-x', join(archives, file), folder]);
  rmSync(archives, { recursive: true });
}
