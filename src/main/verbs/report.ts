import { groupNames } from '../../cli/group-options.ts';
import { writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import { reportFiles, reportOptions } from '../../cli/report.ts';
import { count } from '../../lib/count.ts';
import { KcgError } from '../../lib/errors.ts';
import { parseOptions } from '../../lib/options.ts';
import { tarOf } from '../../lib/tar.ts';
import { GroupLooker } from '../groups/group-looker.ts';
import { findGroups } from '../groups/group-sources.ts';
import { collect, NOTHING } from './report-collect.ts';
import { VERSION } from '../version.ts';

export { reportOptions };

/** `kcg report`: one archive for a bug report, without secrets and record data. */
export async function runReportCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options, positionals } = parseOptions(reportOptions, argv, env, groupNames(1));
  const found = await findGroups(positionals, options, { env, signal: stop, all: false, verb: 'report' });
  const looker = new GroupLooker();
  try {
    const [source] = found.groups;
    if (!source || found.groups.length > 1)
      throw new KcgError('InvalidInput', 'report is of one group', { fix: 'Choose one with --group.' });
    const picture = await looker.look(source, {
      cluster: found.cluster,
      wanted: { aws: true, table: true },
      signal: stop,
    });
    const collected =
      found.cluster && source.key
        ? await collect(source.object, source.key, { found: found.cluster, options, signal: stop })
        : NOTHING;
    const files = reportFiles({ version: VERSION, picture, ...collected });
    const file =
      options.outputFile ??
      `kcg-report-${source.title.replaceAll(/[^\w.-]+/g, '-')}-${stampOf(picture.nowMs)}.tar.gz`;
    await writeFile(file, gzipSync(tarOf(files, picture.nowMs)), { flag: 'wx' }).catch(
      (cause: NodeJS.ErrnoException) => {
        const what =
          cause.code === 'EEXIST' ? `${file} exists` : `${file} cannot be written: ${cause.message}`;
        throw new KcgError('InvalidInput', what, { cause, fix: 'Name another with --output-file.' });
      },
    );
    process.stdout.write(`${file}\n`);
    for (const why of [...picture.unknown.map(({ what, why }) => `${what}: ${why}`), ...collected.missing])
      process.stderr.write(`not in it: ${why}\n`);
    process.stderr.write(
      `${count(files.length, 'file')}; secrets and record data are left out. Look through it before you send it.\n`,
    );
    return 0;
  } finally {
    looker.close();
    await found.close();
  }
}

function stampOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
}
