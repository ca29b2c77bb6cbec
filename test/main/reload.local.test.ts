import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { KinesisConsumerGroup } from '../../src/api/group.ts';
import { checkHandler } from '../../src/dev/check-handler.ts';
import { requireGroup } from '../../src/dev/group-file.ts';
import { reloadOnChange } from '../../src/main/local/reload.ts';
import { KCG } from '../support/kcg-program.ts';

const worker = [process.execPath, KCG, 'worker'];

it('a module or what it imports that changes reaches the workers, and code that is broken does not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kcg-reload-'));
  const write = (name: string, text: string) => {
    // As editors do: a new file in place of the old.
    writeFileSync(join(folder, 'new'), text);
    renameSync(join(folder, 'new'), join(folder, name));
  };
  write('lib.mjs', 'export const word = 1;');
  write('handler.mjs', "import { word } from './lib.mjs';\nexport default async () => word;");
  const group = requireGroup(
    {
      apiVersion: 'kcg.dev/v1alpha1',
      kind: 'KinesisConsumerGroup',
      metadata: { name: 'orders' },
      spec: { stream: { name: 'orders' }, handler: { module: { path: join(folder, 'handler.mjs') } } },
    },
    'test',
  );
  const stop = new AbortController();
  const applied: KinesisConsumerGroup[] = [];
  const said: string[] = [];
  const check = (group: KinesisConsumerGroup) =>
    checkHandler(group, { command: worker, env: process.env, signal: stop.signal });
  const { files } = await check(group);
  expect(files).toEqual(expect.arrayContaining(['handler.mjs', 'lib.mjs'].map((name) => join(folder, name))));
  const local = { apply: async (group: KinesisConsumerGroup) => void applied.push(group) };
  const watching = reloadOnChange(
    { running: { group, changes: 0 }, files, check, local, say: (line) => said.push(line) },
    stop.signal,
  );
  onTestFinished(async () => {
    stop.abort();
    await watching;
    rmSync(folder, { recursive: true });
  });
  const change = async (name: string, text: string) => {
    const before = said.length;
    write(name, text);
    await vi.waitFor(() => expect(said.length).toBeGreaterThan(before), { timeout: 120_000, interval: 20 });
  };
  await change('lib.mjs', 'export const word = 22;');
  expect(applied).toHaveLength(1);
  await change('lib.mjs', 'export const word = ;');
  expect(said[1]).toMatch(
    /cannot be loaded: SyntaxError.*The workers of orders go on with the code that they have\.$/,
  );
  expect(applied).toHaveLength(1);
  await change('lib.mjs', 'export const word = 333;');
  const marks = applied.map(({ spec }) => JSON.stringify(spec.template));
  expect(new Set(marks).size).toBe(2);
  expect(applied[1]!.spec.handler).toEqual(group.spec.handler);
  // What is wrong may be in a file that was not there before.
  write('more.mjs', 'export const more = ;');
  await change('handler.mjs', "import { more } from './more.mjs';\nexport default async () => more;");
  expect(applied).toHaveLength(2);
  await change('more.mjs', 'export const more = 4;');
  expect(applied).toHaveLength(3);
  await change('handler.mjs', "import { most } from './most.mjs';\nexport default async () => most;");
  expect(said.at(-1)).toContain('most.mjs');
  await change('most.mjs', 'export const most = 5;');
  expect(applied).toHaveLength(4);
});

it('a group without a module is not watched', async () => {
  const never = vi.fn();
  const given = {
    running: { group: {} as KinesisConsumerGroup, changes: 0 },
    files: [],
    check: never,
    local: { apply: never },
    say: never,
  };
  await reloadOnChange(given, new AbortController().signal);
  expect(never).not.toHaveBeenCalled();
});
