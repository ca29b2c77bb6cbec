import { groupNames } from '../../cli/group-options.ts';
import { printReset, resetOptions, targetFromFlags, type ResetReport } from '../../cli/reset.ts';
import { requireOneSource } from '../../cli/leases.ts';
import { KcgError } from '../../lib/errors.ts';
import { parseOptions } from '../../lib/options.ts';
import { resetByResource } from './reset-by-resource.ts';
import { resetInTable } from './reset-in-table.ts';

export { resetOptions };

/** `kcg reset`: moves the positions of a group, by a KinesisOffsetReset, or in its table where no operator runs it. */
export async function runResetCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options, positionals } = parseOptions(resetOptions, argv, env, groupNames(1));
  const [name] = positionals;
  const { file, output } = options;
  requireOneSource('reset', name, options);
  if (file !== undefined && options.ttl !== undefined)
    throw new KcgError(
      'InvalidInput',
      '--ttl is of the resource that a reset in a cluster is; with -f there is none',
      {
        fix: 'Leave out --ttl.',
      },
    );
  const to = targetFromFlags(options);
  let told = '';
  const say = (message: string) => {
    if (message !== told && output !== 'json') process.stdout.write(`${message}\n`);
    told = message;
  };
  const by = { to, options, env, signal: stop, say };
  let report: ResetReport;
  if (name !== undefined) report = await resetByResource(name, by);
  else if (file !== undefined) report = await resetInTable(file, by);
  else
    throw new KcgError('InvalidInput', 'reset needs to know the group', {
      fix: 'Name the resource (NAME -n NAMESPACE), or the file of a group that no operator in a cluster runs (-f group.yaml).',
    });
  process.stdout.write(`${printReset(report, output)}\n`);
  return 0;
}
