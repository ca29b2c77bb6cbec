import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { KcgError } from '../../lib/errors.ts';
import type { BatchStore } from './stored-batch.ts';

/** The files that `kcg dev` writes, or what was copied from a bucket, oldest first in each shard; or one of them. */
export function folderStore(folder: string): BatchStore {
  return {
    name: `folder ${folder}`,
    async *list() {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
        (cause: unknown) => {
          const { code, message } = cause as NodeJS.ErrnoException;
          if (code === 'ENOTDIR') return undefined;
          const what =
            code === 'ENOENT' ? `there is no folder ${folder}` : `${folder} cannot be read: ${message}`;
          throw new KcgError('InvalidInput', what, { cause, fix: 'Name it with --from.' });
        },
      );
      const files = entries
        ?.filter((entry) => entry.isFile() && !entry.name.endsWith('.part'))
        .map(({ parentPath, name }) => join(parentPath, name));
      for (const file of files?.sort() ?? [folder]) {
        const text = await readFile(file, 'utf8').catch((thrown: NodeJS.ErrnoException) => {
          if (thrown.code !== 'ENOENT') throw thrown;
        });
        // Else somebody else is done with it since it was listed.
        if (text !== undefined) yield { id: file, text, remove: () => rm(file, { force: true }) };
      }
    },
    close: async () => {},
  };
}
