/*
 * Makes a release of a clean tree: npm run release -- 0.2.0. Writes the version wherever it stands, commits and tags that, and
 * builds npm tarball, chart, image and CRDs into out/release/. It publishes nothing: the last lines say how.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { findTool, howToGet } from '../test/cluster/find-tool.ts';
import { notesOf, refuseVersion, releaseFiles } from './release-files.ts';

const ROOT = join(import.meta.dirname, '..');
const OUT = join(ROOT, 'out/release');
const node = process.execPath;

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { cwd: ROOT, stdio: 'inherit' });
}
const git = (...args: string[]) => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim();
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const step = (what: string) => process.stdout.write(`\n== ${what}\n`);

/** All that can be refused is, before anything is written. */
function refuse(from: string, version: string): string {
  refuseVersion({ from, version });
  const changed = git('status', '--porcelain');
  if (changed !== '') throw new Error(`the tree has changes that are not committed:\n${changed}`);
  if (git('tag', '--list', `v${version}`) !== '') throw new Error(`the tag v${version} is there already`);
  const helm = findTool('helm');
  if (helm === undefined) throw new Error(`Helm is missing: ${howToGet('helm')}`);
  return helm;
}

function writeVersion(from: string, version: string): void {
  const date = new Date().toISOString().slice(0, 10);
  const files = releaseFiles({ from, version, date }, read);
  for (const [path, text] of files) writeFileSync(join(ROOT, path), text);
  run(node, 'scripts/generate-deploy.ts');
  git(
    'commit',
    '--quiet',
    '--all',
    '--message',
    `Release ${version}`,
    '--message',
    notesOf(version, files.get('CHANGELOG.md')!),
  );
  git('tag', `v${version}`);
}

function build(version: string, helm: string): void {
  rmSync(OUT, { recursive: true, force: true });
  for (const part of ['npm', 'chart', 'image', 'crds']) mkdirSync(join(OUT, part), { recursive: true });
  run(node, 'scripts/build.ts');
  run('npm', 'pack', '--silent', '--pack-destination', join(OUT, 'npm'));
  run(helm, 'package', 'charts/kcg', '--destination', join(OUT, 'chart'));
  run(node, 'scripts/build-image.ts', '--name', `kcg:${version}`, '--out', join(OUT, 'image/kcg-image.tar'));
  cpSync(join(ROOT, 'crds'), join(OUT, 'crds'), { recursive: true });
  cpSync(join(ROOT, 'dist/THIRD-PARTY-LICENSES'), join(OUT, 'THIRD-PARTY-LICENSES'));
  const files = readdirSync(OUT, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const sums = files.map(({ parentPath, name }) => {
    const path = join(parentPath, name);
    return `${createHash('sha256').update(readFileSync(path)).digest('hex')}  ${relative(OUT, path)}\n`;
  });
  writeFileSync(join(OUT, 'SHA256SUMS'), sums.sort().join(''));
}

/** How to take back commit and tag, once they are made. */
let takeBack: string | undefined;

function main([version = '']: readonly string[]): void {
  const { version: from } = JSON.parse(read('package.json')) as { version: string };
  const helm = refuse(from, version);
  step(`version ${from} → ${version}: commit and tag`);
  writeVersion(from, version);
  takeBack = `To take it back: git tag -d v${version} && git reset --hard HEAD~1`;
  step('generated files');
  run('npm', 'run', '--silent', 'generate:check');
  step('build');
  build(version, helm);
  process.stdout.write(`
kcg ${version} is in out/release, with SHA256SUMS; commit and tag v${version} are here only. To publish:

  git push origin HEAD v${version}
  npm publish out/release/npm/kcg-${version}.tgz
  helm push out/release/chart/kcg-${version}.tgz oci://REGISTRY/charts
  oras cp --from-oci-layout out/release/image/kcg-image.tar:${version} REGISTRY/kcg:${version}

To be found on Artifact Hub, once and after each change of charts/artifacthub-repo.yml:

  oras push REGISTRY/charts/kcg:artifacthub.io --config /dev/null:application/vnd.cncf.artifacthub.config.v1+yaml \\
    charts/artifacthub-repo.yml:application/vnd.cncf.artifacthub.repository-metadata.layer.v1.yaml

${takeBack}
`);
}

try {
  main(process.argv.slice(2));
} catch (error) {
  const why = error instanceof Error ? error.message : String(error);
  const made = 'commit and tag are made, but the release is not whole';
  process.stderr.write(takeBack ? `${made}: ${why}\n${takeBack}\n` : `no release: ${why}\n`);
  process.exitCode = 1;
}
