import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { folderDestination } from '../../../src/runtime/failure/folder-destination.ts';
import { objectKey, recordWithPayload } from '../../../src/runtime/failure/invocation-record.ts';
import { aGivenUpBatch } from './a-given-up-batch.ts';

const { signal } = new AbortController();

it('has a file for each batch, laid out as objects are, in a folder that comes with the first', async () => {
  const folder = join(await mkdtemp(join(tmpdir(), 'kcg-given-up-')), 'given-up');
  const destination = folderDestination(folder);
  await destination.send(aGivenUpBatch(), { signal });
  await destination.send(aGivenUpBatch(), { signal });
  await destination.send(aGivenUpBatch({ shardId: 'shardId-000000000002' }), { signal });
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  );
  expect(files).toHaveLength(2);
  const text = await readFile(join(folder, `${objectKey(aGivenUpBatch())}.json`), 'utf8');
  expect(JSON.parse(text)).toEqual(recordWithPayload(aGivenUpBatch()));
});

it('fails, naming the folder, where nothing can be written', async () => {
  const file = join(await mkdtemp(join(tmpdir(), 'kcg-given-up-')), 'file');
  await writeFile(file, '');
  await expect(folderDestination(file).send(aGivenUpBatch(), { signal })).rejects.toMatchObject({
    code: 'Unavailable',
    resource: `folder ${file}`,
    fix: expect.stringContaining('write there'),
  });
});
