import { describe, expect, test } from 'vitest';
import { complete, flagIn, namespaceIn, printCompletion } from '../../src/cli/complete.ts';
import { statusOptions } from '../../src/cli/status.ts';
import { tailOptions } from '../../src/cli/tail.ts';
import type { OptionTable } from '../../src/lib/options.ts';

const commands = {
  get: 'list',
  status: 'one screen',
  stop: 'end',
  drain: 'give away',
  completion: 'script',
  install: 'copy',
  dev: 'local',
};
const ask = (line: string, options: OptionTable = statusOptions) =>
  complete(line.split(' '), { commands, options });
const values = (line: string, options?: OptionTable) => {
  const found = ask(line, options);
  return found.kind === 'candidates' ? found.candidates.map(({ value }) => value) : found.kind;
};

describe('what can come on the command line', () => {
  test.each([
    ['st', ['status', 'stop']],
    ['', Object.keys(commands)],
    ['help g', ['get']],
    ['status --all', ['--all-namespaces']],
    ['status -A --all', []],
    ['status -o ', ['json', 'yaml', 'name']],
    ['status --output y', ['yaml']],
    ['status --output=j', ['--output=json']],
    ['status --output=', ['--output=json', '--output=yaml', '--output=name']],
    ['status ', 'groups'],
    ['status -n shop or', 'groups'],
    ['status -n sh', 'namespaces'],
    ['status --context ', 'contexts'],
    ['status -f ', 'files'],
    ['status --file=', 'files'],
    ['drain ', 'pods'],
    ['completion z', ['zsh']],
    ['install ', 'files'],
    ['dev ', 'nothing'],
    ['status --table ', 'nothing'],
    ['status --nonsense=', 'nothing'],
  ])('kcg %s: %j', (line, expected) => {
    expect(values(line)).toEqual(expected);
  });

  test('a name in the word of its flag comes with the flag', () => {
    expect(ask('status --context=ar')).toEqual({ kind: 'contexts', prefix: 'ar', before: '--context=' });
  });

  test('a flag that may be there several times is offered again', () => {
    expect(values('tail --filter x --fil', tailOptions)).toEqual(
      ['--file', '--filter'].toSorted((a, b) => (a < b ? 1 : -1)),
    );
  });

  test('comes with what it means, in the form that kubectl and cobra have', () => {
    const found = ask('status --wat');
    expect(found.kind === 'candidates' && printCompletion(found.candidates, false)).toBe(
      '--watch\tlook again every two seconds, until Ctrl-C\n:4',
    );
    expect(printCompletion([], true)).toBe(':0');
  });
});

test('names are looked for where the line says', () => {
  expect(namespaceIn(['status', '-n', 'shop', ''])).toBe('shop');
  expect(namespaceIn(['status', '--namespace=shop', ''])).toBe('shop');
  expect(namespaceIn(['status', '-n', ''])).toBeUndefined();
  expect(flagIn(['status', '--kubeconfig', 'a', ''], 'kubeconfig')).toBe('a');
  expect(flagIn(['status', '--server=http://x', ''], 'server')).toBe('http://x');
  expect(flagIn(['status', ''], 'server')).toBeUndefined();
});
