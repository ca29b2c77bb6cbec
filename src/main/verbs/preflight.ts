import { rowsGroupIdOf, tableNameOf } from '../../api/group.ts';
import { anyFailed, printChecks, type Check } from '../../cli/checks.ts';
import { preflightOptions } from '../../cli/preflight.ts';
import { printData } from '../../cli/status.ts';
import { hasCode, KcgError } from '../../lib/errors.ts';
import { parseOptions, type OptionValues } from '../../lib/options.ts';
import { paintFor } from '../../lib/paint.ts';
import { GroupLooker } from '../groups/group-looker.ts';
import { findGroups, type GroupSource } from '../groups/group-sources.ts';
import { checkAws } from './preflight-aws.ts';
import { checkCluster, type ClusterFacts } from './preflight-cluster.ts';
import { openUserCluster } from '../groups/user-cluster.ts';

export { preflightOptions };

type Options = OptionValues<typeof preflightOptions>;

/** `kcg preflight -f`: what would come of applying a group, before anything is touched. Exit code 1 when it would not work. */
export async function runPreflightCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options } = parseOptions(preflightOptions, argv, env);
  if (options.file === undefined) {
    throw new KcgError('InvalidInput', 'preflight needs the group file', {
      fix: 'Run kcg preflight -f group.yaml.',
    });
  }
  const found = await findGroups(
    [],
    { ...options, table: undefined, stream: undefined },
    { env, signal: stop, all: true, verb: 'preflight' },
  );
  const results: { group: string; checks: Check[] }[] = [];
  for (const source of found.groups.map((each) => inNamespace(each, options)))
    results.push({ group: source.title, checks: await checksOf(source, options, env, stop) });
  const paint = paintFor(process.stdout);
  const { output } = options;
  const text =
    output === 'json' || output === 'yaml'
      ? printData(results, output)
      : results.map(({ group, checks }) => printChecks(group, checks, paint)).join('\n\n');
  process.stdout.write(`${text}\n`);
  return results.some(({ checks }) => anyFailed(checks)) ? 1 : 0;
}

/** As `kubectl apply -n` puts an object that names none there. */
export function inNamespace(
  source: GroupSource,
  { namespace }: { namespace: string | undefined },
): GroupSource {
  if (!source.group || namespace === undefined || source.group.metadata.namespace !== 'default')
    return source;
  const group = { ...source.group, metadata: { ...source.group.metadata, namespace } };
  const place = { ...source.place, groupId: rowsGroupIdOf(group), table: tableNameOf(group) };
  return { ...source, title: `${namespace}/${group.metadata.name}`, group, place };
}

/** Which cluster is said by a flag, and there is none of that name: it is not that there is none at all. */
function isNotThere({ context, kubeconfig }: Options, thrown: unknown): boolean {
  return (context !== undefined || kubeconfig !== undefined) && hasCode(thrown, 'InvalidInput');
}

async function checksOf(
  source: GroupSource,
  options: Options,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<Check[]> {
  const checks: Check[] = [{ result: 'ok', what: 'spec', found: 'valid' }];
  let facts: ClusterFacts | undefined;
  if (options.noKubernetes)
    checks.push({ result: 'unknown', what: 'Kubernetes', found: 'not asked, as --no-kubernetes says' });
  else {
    try {
      const cluster = await openUserCluster(options, { env });
      try {
        facts = await checkCluster(source, cluster, signal);
        checks.push(...facts.checks);
      } finally {
        await cluster.cluster.close();
      }
    } catch (thrown) {
      if (signal.aborted || isNotThere(options, thrown)) throw thrown;
      checks.push({ result: 'unknown', what: 'Kubernetes', found: KcgError.from(thrown).message });
    }
  }
  const looker = new GroupLooker();
  try {
    checks.push(...(await checkAws(source, looker.aws(source), facts, signal)));
  } finally {
    looker.close();
  }
  return checks;
}
