import { spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

/* What npm run cluster:build says while it works, with a `go` that has three packages to compile. */

const BUILD = join(import.meta.dirname, 'build');
let home: string;
beforeEach(() => (home = mkdtempSync(join(tmpdir(), 'kcg-build-'))));
afterEach(() => rmSync(home, { recursive: true }));

/** `build` and `list`: what `go build -v` and `go list` do; they may wait until something was `told`. */
async function build(go: { list: string; build: string }) {
  const [out, err] = [join(home, 'stdout'), join(home, 'stderr')];
  const lines = [
    '#!/usr/bin/env bash',
    `told() { until grep -q "$1" '${out}'; do sleep 0.1; done; }`,
    `list() { ${go.list}; }`,
    // The program is the argument after -o.
    `build() { while [ "$1" != -o ]; do shift; done; ${go.build}; }`,
    '"$@"',
  ];
  writeFileSync(join(home, 'go'), lines.join('\n'), { mode: 0o755 });
  const env = { PATH: `${home}:${process.env['PATH']}`, CLUSTER_HOME: home, PROGRESS_SECONDS: '0' };
  const child = spawn('bash', [BUILD, 'helm'], {
    env,
    stdio: ['ignore', openSync(out, 'w'), openSync(err, 'w')],
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, out: readFileSync(out, 'utf8'), err: readFileSync(err, 'utf8') };
}
const timeless = (text: string) => text.replaceAll(/\d+ s$/gm, 'N s').split('\n');

test('a build says what it makes, how far it is, and its end', async () => {
  const { code, out } = await build({
    list: 'printf "a\\nb/c\\nd\\n"; echo "go: downloading x v1" >&2; told "downloaded: 1"',
    build: 'printf "a\\nb/c\\n" >&2; told "2 of 3"; echo d >&2; told linking; echo program >"$2"',
  });
  expect(code).toBe(0);
  const said = timeless(out);
  expect(said[0]).toBe('helm (part 1 of 1): about 2 minutes');
  expect(said).toContain('  helm: looking for what has to be compiled, modules downloaded: 1, N s');
  expect(said).toContain('  helm: 2 of 3 packages compiled, N s');
  expect(said).toContain('  helm: linking, N s');
  expect(said.at(-2)).toBe('  helm: built in N s');
  expect(readFileSync(join(home, 'bin/helm'), 'utf8')).toBe('program\n');
  expect((await build({ list: 'false', build: 'false' })).out).toBe('helm: up to date\n');
});

test('a build that fails says why, and leaves nothing that counts as built', async () => {
  const failing = { list: 'echo a', build: 'printf "a\\n# a\\na.go:1:2: undefined: x\\n" >&2; return 1' };
  for (let tries = 0; tries < 2; tries += 1) {
    const { code, out, err } = await build(failing);
    expect(code).toBe(1);
    expect(err).toContain('a.go:1:2: undefined: x');
    expect(out).not.toContain('built');
  }
});
