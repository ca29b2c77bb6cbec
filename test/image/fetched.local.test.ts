import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { aptProblem, debianFiles } from '../../scripts/image/fetched.ts';
import { libc } from '../../scripts/image/pinned-libraries.ts';

const problem = aptProblem();
if (problem && process.env['CI'] === 'true') throw new Error(problem);

/** An archive that nobody has fetched anything from. */
function anArchive(): { archive: string; cache: string } {
  const folder = mkdtempSync(join(tmpdir(), 'kcg-archive-'));
  onTestFinished(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true });
  });
  const archive = join(folder, 'debian');
  mkdirSync(archive);
  vi.stubEnv('HOME', folder);
  vi.stubEnv('KCG_DEBIAN_MIRROR', `file:${archive}/`);
  return { archive, cache: join(folder, '.cache/kcg') };
}

describe.skipIf(problem !== undefined)('a pinned package of Debian', () => {
  it('that the archive has no more is named, with what to do', () => {
    const { archive, cache } = anArchive();
    expect(() => debianFiles(libc, 'arm64')).toThrow(
      `file:${archive}/${libc.path}_arm64.deb could not be fetched as pinned. When the archive has it no more, let KCG_DEBIAN_MIRROR name`,
    );
    expect(readdirSync(cache)).toEqual([]);
  });

  it('is refused when it is another than the one that is pinned', () => {
    const { archive, cache } = anArchive();
    const file = join(archive, `${libc.path}_amd64.deb`);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, 'another');
    expect(() => debianFiles(libc, 'amd64')).toThrow(/could not be fetched as pinned.*Hash Sum mismatch/s);
    expect(readdirSync(cache)).toEqual([]);
  });
});

it('is not asked for, nor is anything else, by a machine that has no apt', () => {
  const home = mkdtempSync(join(tmpdir(), 'kcg-home-'));
  onTestFinished(() => rmSync(home, { recursive: true }));
  const preload = `data:text/javascript,${encodeURIComponent(`
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const { existsSync } = fs;
    fs.existsSync = (path) => !String(path).endsWith('/apt-helper') && existsSync(path);
    syncBuiltinESMExports();
  `)}`;
  const argv = ['--import', preload, 'scripts/build-image.ts', '--out', join(home, 'image.tar')];
  const env = { PATH: process.env['PATH'], HOME: home };
  const { status, stderr } = spawnSync(process.execPath, argv, { env, encoding: 'utf8' });
  expect(stderr).toContain('no image: the image is built where apt is');
  expect(status).toBe(1);
  expect(readdirSync(home)).toEqual([]);
});
