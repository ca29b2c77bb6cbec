import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cloneTree } from './support/clone-tree.ts';

/* The release command, run for real in a clone of this tree. */

const folder = mkdtempSync(join(tmpdir(), 'kcg-release-'));
const clone = join(folder, 'kcg');
const git = (...args: string[]) => execFileSync('git', args, { cwd: clone, encoding: 'utf8' }).trim();
const release = (version: string) =>
  spawnSync(process.execPath, ['scripts/release.ts', version], { cwd: clone, encoding: 'utf8' });
const VERSION = '97.98.99';

beforeAll(() => cloneTree(clone));
afterAll(() => rmSync(folder, { recursive: true }));

test('a tree with changes is refused, and left as it is', () => {
  const file = join(clone, 'README.md');
  execFileSync('sh', ['-c', `echo more >> '${file}'`]);
  const { status, stderr } = release(VERSION);
  expect(stderr).toContain('no release: the tree has changes that are not committed:\nM README.md');
  expect(status).toBe(1);
  expect(git('tag')).toBe('');
  git('checkout', '--quiet', 'README.md');
});

test('one that fails after its tag says what there is, and how to take it back', () => {
  const start = git('rev-parse', 'HEAD');
  execFileSync('npm', ['pkg', 'set', 'scripts.generate:check=false'], { cwd: clone });
  git('commit', '--quiet', '--all', '--message', 'Files that are never as generated');
  const broken = git('rev-parse', 'HEAD');
  const { status, stderr } = release(VERSION);
  expect(stderr).not.toContain('no release');
  const [, undo = ''] = /the release is not whole: .*\nTo take it back: (.*)\n$/.exec(stderr) ?? [];
  expect(undo).toContain(`v${VERSION}`);
  expect(status).toBe(1);
  expect(git('tag')).toBe(`v${VERSION}`);
  execFileSync('sh', ['-c', undo], { cwd: clone });
  expect([git('tag'), git('rev-parse', 'HEAD')]).toEqual(['', broken]);
  git('reset', '--quiet', '--hard', start);
});

test('a clean one becomes a commit, a tag, and files of one version in step', { timeout: 600_000 }, () => {
  const { status, stdout, stderr } = release(VERSION);
  expect({ status, stderr: status === 0 ? '' : stderr + stdout }).toEqual({ status: 0, stderr: '' });
  expect(git('status', '--porcelain')).toBe('');
  expect(git('log', '-1', '--format=%s', `v${VERSION}`)).toBe(`Release ${VERSION}`);
  const out = join(clone, 'out/release');
  const files = readdirSync(out, { recursive: true, encoding: 'utf8' });
  expect(files).toEqual(
    expect.arrayContaining([
      `npm/kcg-${VERSION}.tgz`,
      `chart/kcg-${VERSION}.tgz`,
      'image/kcg-image.tar',
      'image/kcg-image.amd64.cdx.json',
      'image/kcg-image.arm64.cdx.json',
    ]),
  );
  execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: out });
  const inTar = (tar: string, path: string) =>
    execFileSync('tar', ['-xzOf', join(out, tar), path], { encoding: 'utf8' });
  expect(JSON.parse(inTar(`npm/kcg-${VERSION}.tgz`, 'package/package.json'))).toMatchObject({
    version: VERSION,
  });
  expect(inTar(`npm/kcg-${VERSION}.tgz`, 'package/dist/THIRD-PARTY-LICENSES')).toContain('zod 4');
  expect(inTar(`chart/kcg-${VERSION}.tgz`, 'kcg/Chart.yaml')).toContain(`appVersion: ${VERSION}`);
  expect(
    execFileSync(process.execPath, ['dist/kcg.mjs', '--version'], { cwd: clone, encoding: 'utf8' }).trim(),
  ).toContain(VERSION);
  expect(readFileSync(join(clone, 'deploy/operator.yaml'), 'utf8')).toContain(`kcg:${VERSION}`);
});

test('the same version again is refused', () => {
  expect(release(VERSION).stderr).toContain(`${VERSION} is the version that the tree has`);
});
