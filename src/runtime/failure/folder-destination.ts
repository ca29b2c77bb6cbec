import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { KcgError } from '../../lib/errors.ts';
import type { FailureDestination } from './failure-destination.ts';
import { objectKey, recordWithPayload } from './invocation-record.ts';

/** Writes what the S3 destination would as files, one for each batch; the folder is made with the first. */
export function folderDestination(folder: string): FailureDestination {
  return {
    name: `folder ${folder}`,
    async send(givenUp) {
      const file = join(folder, `${objectKey(givenUp)}.json`);
      try {
        await mkdir(dirname(file), { recursive: true });
        // Whole or not at all.
        await writeFile(`${file}.part`, `${JSON.stringify(recordWithPayload(givenUp))}\n`);
        await rename(`${file}.part`, file);
      } catch (cause) {
        const { code, message } = cause as NodeJS.ErrnoException;
        throw new KcgError('Unavailable', `a batch that was given up cannot be written: ${code ?? message}`, {
          cause,
          resource: `folder ${folder}`,
          fix: 'Make room there, or let this user write there.',
        });
      }
    },
    close: async () => {},
  };
}
