import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kcgHere, writeProgram } from '../support/kcg-here.ts';

/* The script for bash, in bash. Those for zsh and fish are in completion.long.test.ts. */

/** As `aws eks update-kubeconfig` names it. */
const CONTEXT = 'arn:aws:eks:eu-west-1:123456789012:cluster/shop';
const KUBECONFIG = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'c', cluster: { server: 'http://127.0.0.1:1' } }],
  users: [{ name: 'u', user: {} }],
  contexts: [{ name: CONTEXT, context: { cluster: 'c', user: 'u' } }],
});

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kcg-completion-'));
  writeProgram(folder);
  writeFileSync(join(folder, 'group.yaml'), '');
  writeFileSync(join(folder, 'kubeconfig'), KUBECONFIG);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** As readline splits them: `=` and `:` are words of their own. */
function bash(...words: string[]): string[] {
  const quoted = words.map((word) => `'${word}'`).join(' ');
  const script = `source <(kcg completion bash); COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _kcg kcg; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const env = { PATH: `${folder}:${process.env['PATH']}`, HOME: folder, KUBECONFIG: 'kubeconfig' };
  return execFileSync('bash', ['--norc', '-c', script], { env, cwd: folder, encoding: 'utf8' })
    .trim()
    .split('\n');
}

test('bash completes commands, flags, values and files', () => {
  expect(bash('kcg', 'sta')).toEqual(['status']);
  expect(bash('kcg', 'status', '--output', '=', 'j')).toEqual(['json']);
  expect(bash('kcg', 'status', '-f', 'gr')).toEqual(['group.yaml']);
  expect(bash('kcg', 'status', '--file', '=', 'gr')).toEqual(['group.yaml']);
  const ofEks = CONTEXT.slice('arn:aws:'.length);
  expect(bash('kcg', 'status', '--context', '=', 'arn', ':', 'aws', ':', 'e')).toEqual([ofEks]);
}, 300_000);

test('where no cluster answers, names are none, and nobody is told of it', async () => {
  expect(await kcgHere(['__complete', 'status', ''], { HOME: folder })).toEqual({
    code: 0,
    stdout: ':4\n',
    stderr: '',
  });
  expect(await kcgHere(['__complete', 'nonsense', ''], {})).toEqual({ code: 0, stdout: ':4\n', stderr: '' });
});

test('a shell that is not known is refused, and kubectl has a script of its own', async () => {
  const { code, stderr } = await kcgHere(['completion', 'csh']);
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: "error: there is no completion for 'csh'. Write kcg completion bash|zsh|fish|kubectl.\n",
  });
  expect((await kcgHere(['completion', 'kubectl'])).stdout).toMatch(/^#!\/bin\/sh\n/);
});
