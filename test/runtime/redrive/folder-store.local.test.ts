import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { folderStore } from '../../../src/runtime/redrive/folder-store.ts';

it('a file that somebody else removes meanwhile is passed over, or is removed already', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kcg-given-up-'));
  for (const name of ['a', 'b', 'c']) await writeFile(join(folder, name), name);
  const seen: string[] = [];
  for await (const stored of folderStore(folder).list(new AbortController().signal)) {
    seen.push(stored.text);
    await rm(join(folder, 'b'), { force: true });
    await rm(stored.id);
    await stored.remove();
  }
  expect(seen).toEqual(['a', 'c']);
});

it('one file alone can be named', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'kcg-given-up-'));
  for (const name of ['a', 'b']) await writeFile(join(folder, name), name);
  const ids: string[] = [];
  for await (const stored of folderStore(join(folder, 'b')).list(new AbortController().signal)) {
    ids.push(stored.id);
    await stored.remove();
  }
  expect([ids, await readdir(folder)]).toEqual([[join(folder, 'b')], ['a']]);
});
