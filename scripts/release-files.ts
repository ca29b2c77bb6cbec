/*
 * What a release writes into the tree: its version, in step, in each file that names it. Pure; scripts/release.ts reads and
 * writes the files.
 */

import { chartWithChanges } from './chart-changes.ts';

const SEMVER = /^(\d+)\.(\d+)\.(\d+)$/;

export interface Release {
  from: string;
  version: string;
  /** As `2026-11-29`. */
  date: string;
}

/** The files and, in each, what names the version: `@` stands for it. */
// oxfmt-ignore
const PLACES: Record<string, readonly string[]> = {
  'package.json': ['"name": "kcg",\n  "version": "@"'],
  'package-lock.json': ['"name": "kcg",\n  "version": "@"', '"name": "kcg",\n      "version": "@"'],
  'charts/kcg/Chart.yaml': ['\nversion: @\n', '\nappVersion: "@"\n', 'image: kcg:@\n'],
  'src/main/version.ts': ["VERSION = '@'"],
  'deploy/image/Dockerfile': ['/kcg:@', 'image.version="@"'],
  'docs/install.md': ['/kcg:@', '/kcg-@.tgz', '/kcg-image.tar:@'],
  'docs/handlers.md': ['/kcg-@.tgz'],
  'docs/library.md': ['/kcg-@.tgz'],
  'docs/quick-start.md': ['/kcg-@.tgz'],
};
const CHART = 'charts/kcg/Chart.yaml';
const CHANGELOG = 'CHANGELOG.md';
const UNRELEASED = '## Unreleased\n';

export const RELEASED_FILES = [...Object.keys(PLACES), CHANGELOG];

/** @throws Error that says what is wrong with the version */
export function refuseVersion({ from, version }: Pick<Release, 'from' | 'version'>): void {
  const parts = SEMVER.exec(version);
  if (!parts) throw new Error(`"${version}" is no version; write one like 0.2.0`);
  const [old, next] = [SEMVER.exec(from)!, parts].map(([, ...numbers]) => numbers.map(Number));
  const different = next!.findIndex((number, index) => number !== old![index]);
  if (different < 0) throw new Error(`${version} is the version that the tree has`);
  if (next![different]! < old![different]!) throw new Error(`${version} is older than ${from}, the tree's`);
}

/**
 * @param read the text of a file of `RELEASED_FILES`
 * @returns the new text of each
 * @throws Error that names a file in which the present version is not where it is expected, or a changelog with nothing to release
 */
export function releaseFiles(release: Release, read: (path: string) => string): Map<string, string> {
  refuseVersion(release);
  const written = new Map<string, string>();
  for (const [path, places] of Object.entries(PLACES)) {
    let text = read(path);
    for (const place of places) {
      const [before, after] = [release.from, release.version].map((version) => place.replace('@', version));
      if (!text.includes(before!)) throw new Error(`${path} does not have ${JSON.stringify(before)}`);
      text = text.replaceAll(before!, after!);
    }
    written.set(path, text);
  }
  const text = changelog(release, read(CHANGELOG));
  const notes = notesOf(release.version, text);
  return written.set(CHANGELOG, text).set(CHART, chartWithChanges(written.get(CHART)!, notes));
}

function changelog({ version, date }: Release, text: string): string {
  const [head = '', rest] = text.split(UNRELEASED);
  if (rest === undefined) throw new Error(`${CHANGELOG} has no section "Unreleased"`);
  const [section = ''] = rest.split(/^## /m);
  if (!section.includes('\n- '))
    throw new Error(`${CHANGELOG} has nothing under "Unreleased": write what changes for users`);
  return `${head}${UNRELEASED}\n## ${version} - ${date}\n${rest}`;
}

/** What a changelog says of one version: its section, without the heading. */
export function notesOf(version: string, text: string): string {
  const [, rest = ''] = text.split(new RegExp(`^## ${version.replaceAll('.', '\\.')} .*\n`, 'm'));
  return rest.split(/^## /m)[0]!.trim();
}
