import { globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { notesOf, refuseVersion, RELEASED_FILES, releaseFiles } from '../scripts/release-files.ts';

const { version: from } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
const read = (path: string) => readFileSync(path, 'utf8');
const release = { from, version: '97.98.99', date: '2026-11-29' };

describe('a release', () => {
  it('writes its version wherever the tree names the present one', () => {
    const files = releaseFiles(release, read);
    expect([...files.keys()].sort()).toEqual(RELEASED_FILES.toSorted());
    const own = new RegExp(
      `kcg[:-]${from.replaceAll('.', '\\.')}|[vV]ersion.{0,4}"?${from.replaceAll('.', '\\.')}`,
    );
    for (const [path, text] of files) {
      expect(text, path).toContain('97.98.99');
      if (!/CHANGELOG|lock/.test(path)) expect(text, path).not.toMatch(own);
    }
    const naming = globSync('{README.md,docs/*.md,charts/**/*.{md,yaml},deploy/**}', { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative('.', join(entry.parentPath, entry.name)))
      .filter((path) => own.test(read(path)));
    // The release generates that one anew, from the chart.
    expect(naming.filter((path) => !files.has(path))).toEqual(['deploy/operator.yaml']);
  });

  it('gives the changelog a heading, and begins anew above it', () => {
    const text = releaseFiles(release, read).get('CHANGELOG.md')!;
    expect(text).toMatch(/^## Unreleased\n\n## 97\.98\.99 - 2026-11-29\n\n### Added\n/m);
    expect(notesOf('97.98.99', text)).toMatch(/^### Added\n- /);
    expect(() => releaseFiles(release, (path) => (path === 'CHANGELOG.md' ? text : read(path)))).toThrow(
      'has nothing under "Unreleased"',
    );
  });

  it('names a file where the version is not in its place', () => {
    const other = (path: string) => (path === 'docs/install.md' ? 'nothing' : read(path));
    expect(() => releaseFiles(release, other)).toThrow('docs/install.md does not have');
  });

  it.each([
    ['0.2', 'is no version'],
    ['v0.2.0', 'is no version'],
    ['0.1.9', 'is the version that the tree has'],
    ['0.1.8', 'is older than 0.1.9'],
    ['0.0.10', 'is older than 0.1.9'],
  ])('%s is refused', (version, says) => {
    expect(() => refuseVersion({ from: '0.1.9', version })).toThrow(says);
  });

  it.each(['0.1.10', '0.2.0', '1.0.0'])('%s is taken after 0.1.9', (version) => {
    expect(() => refuseVersion({ from: '0.1.9', version })).not.toThrow();
  });
});
