import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

/* What deploy/kind/kind.sh says where it cannot work, before it does anything. What it does: test/node/kind.suite.ts. */

let programs: string;
beforeEach(() => (programs = mkdtempSync(join(tmpdir(), 'kcg-kind-'))));
afterEach(() => rmSync(programs, { recursive: true }));

function provide(name: string, line: string): void {
  const path = join(programs, name);
  writeFileSync(path, `#!/bin/bash\n${line}\n`);
  chmodSync(path, 0o755);
}

/** With these programs and no others; what was done counts as done when one of them was called to do it. */
function kind({
  with: names = [],
  args = [],
  env = {},
}: {
  with?: string[];
  args?: string[];
  env?: Record<string, string>;
}) {
  for (const name of names) provide(name, `: >'${programs}/called'`);
  const { status, stdout, stderr } = spawnSync('/bin/bash', ['deploy/kind/kind.sh', ...args], {
    encoding: 'utf8',
    env: { PATH: programs, ...env },
  });
  expect(existsSync(join(programs, 'called'))).toBe(false);
  return { code: status, stdout, stderr };
}
const missing = ({ stderr }: { stderr: string }) =>
  [...stderr.matchAll(/^ {2}(\w+): https:\/\//gm)].map(([, name]) => name);

test('all that is missing is named at once, with where to get it', () => {
  const run = kind({});
  expect(run).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^error: nothing was done, as /),
  });
  expect(missing(run)).toEqual(['docker', 'kind', 'kubectl', 'helm']);
  expect(missing(kind({ args: ['down'] }))).toEqual(['docker', 'kind']);
  expect(missing(kind({ with: ['docker', 'kind', 'kubectl'] }))).toEqual(['helm']);
});

test('the container engine that kind is told to use is the one that is asked for', () => {
  expect(missing(kind({ env: { KIND_EXPERIMENTAL_PROVIDER: 'podman' } }))[0]).toBe('podman');
});

test('an engine that does not answer is told from one that is not there', () => {
  provide('docker', 'exit 1');
  for (const args of [['up'], ['down']]) {
    const { code, stderr } = kind({ with: ['kind', 'kubectl', 'helm'], args });
    expect(stderr).toBe(
      'error: nothing was done, as docker does not answer: start it (docker info says what is wrong)\n',
    );
    expect(code).toBe(1);
  }
});

test('another word than up and down is refused', () => {
  expect(kind({ args: ['update'] })).toEqual({
    code: 2,
    stdout: '',
    stderr: "error: kind.sh takes up or down, not 'update'\n",
  });
});
