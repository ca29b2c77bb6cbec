import { groupNames } from '../../cli/group-options.ts';
import {
  iamOptions,
  policiesOf,
  printPolicies,
  scopeOf,
  tooLarge,
  MAX_POLICY_CHARACTERS,
} from '../../cli/iam.ts';
import { regionFrom } from '../../aws/region-from.ts';
import { KcgError } from '../../lib/errors.ts';
import { parseOptions } from '../../lib/options.ts';
import { findGroups } from '../groups/group-sources.ts';

export { iamOptions };

const NO_PLACE = {
  table: undefined,
  group: undefined,
  stream: undefined,
  kinesisEndpoint: undefined,
  dynamodbEndpoint: undefined,
};

/** `kcg iam`: least-privilege policies for the groups there are. AWS is not asked. */
export async function runIamCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options, positionals } = parseOptions(iamOptions, argv, env, groupNames(100));
  const { account } = options;
  if (account !== undefined && !/^\d{12}$/.test(account))
    throw new KcgError('InvalidInput', `--account takes the 12 digits of an AWS account, not '${account}'`);
  const found = await findGroups(
    positionals,
    { ...NO_PLACE, ...options },
    { env, signal: stop, all: true, verb: 'iam' },
  );
  await found.close();
  for (const { title, refused } of found.groups.filter(({ group }) => group === undefined))
    process.stderr.write(`warning: ${title} is left out: ${refused.join('; ')}\n`);
  const groups = found.groups.flatMap(({ group }) => (group ? [group] : []));
  if (groups.length === 0) {
    const where = options.allNamespaces ? 'any namespace' : `namespace ${found.namespace}`;
    throw new KcgError('NotFound', `there is no group to make policies for in ${where}`, {
      fix: 'Name the namespace (-n), look in all (-A), or read a file (-f group.yaml).',
    });
  }
  const region = options.region ?? regionFrom(env);
  const { isGuess, ...scope } = scopeOf(groups, { ...options, region });
  if (isGuess)
    process.stderr.write(
      `warning: the tables are taken to be in account ${scope.account}, that of a stream: if it is another's, name yours with --account\n`,
    );
  const policies = policiesOf(groups, options.for, scope);
  process.stdout.write(`${printPolicies(policies, options.output)}\n`);
  for (const { name, characters } of tooLarge(policies)) {
    process.stderr.write(
      `warning: ${name} has ${characters} characters, and a managed policy may have ${MAX_POLICY_CHARACTERS}: give tables and streams a common prefix, and put * behind it\n`,
    );
  }
  return 0;
}
