import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readsARecord } from './image/a-worker.ts';
import { cloneTree } from './support/clone-tree.ts';
import { npmPackage } from './support/peer-programs.ts';

/* The npm package, installed in a clean folder by somebody who has the oldest Node that it says it needs. */

const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as { engines: { node: string } };
const OLDEST = `${engines.node.replace('>=', '')}.0`;
const folder = mkdtempSync(join(tmpdir(), 'kcg-package-'));
const home = join(folder, 'home');
let node: string;

beforeAll(async () => {
  const tree = join(folder, 'tree');
  cloneTree(tree);
  const run = (program: string, ...args: string[]) =>
    execFileSync(program, args, { cwd: tree, encoding: 'utf8' });
  run(process.execPath, 'scripts/build.ts');
  const tarball = run('npm', 'pack', '--silent').trim();
  node = join(await npmPackage(`node-linux-${process.arch}`, OLDEST), 'bin');
  execFileSync('npm', ['install', '--silent', '--offline', '--prefix', home, join(tree, tarball)], {
    cwd: folder,
    env: { ...process.env, PATH: `${node}:${process.env['PATH']}` },
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("runs on the user's own Node", () => {
  const env = { PATH: `${node}:/usr/bin:/bin` };
  const run = (program: string, ...args: string[]) =>
    execFileSync(program, args, { env, encoding: 'utf8' }).trim();
  expect(run('node', '--version')).toBe(`v${OLDEST}`);
  for (const bin of ['kcg', 'kubectl-kcg'])
    expect(run(join(home, 'node_modules/.bin', bin), '--version')).toMatch(/^\d/);
  // Whoever installs it gets this package, and no Node with it.
  const installed = JSON.parse(run('npm', 'ls', '--all', '--json', '--prefix', home)) as {
    dependencies: object;
  };
  expect(installed.dependencies).toEqual({
    kcg: expect.not.objectContaining({ dependencies: expect.anything() }),
  });
});

test('runs a worker on it', () =>
  readsARecord([join(node, 'node'), join(home, 'node_modules/kcg/dist/kcg.mjs')]));
