import { KcgError } from '../lib/errors.ts';
import type { ArgumentLimits, OptionTable, OptionValues } from '../lib/options.ts';
import { clusterOptions } from './cluster-options.ts';

const { namespace, ...otherClusterOptions } = clusterOptions;

/** Which resources: the same words for each command that takes several. */
export const selectOptions = {
  namespace,
  'all-namespaces': { type: 'boolean', short: 'A', description: 'look in all namespaces' },
  selector: { type: 'string', short: 'l', description: 'only those with these labels, as kubectl -l' },
} as const satisfies OptionTable;

/** A name is chosen already, and of one namespace; a file or a table is no resource at all. @throws KcgError `InvalidInput` */
export function requireOneChoice(
  verb: string,
  [name]: readonly string[],
  options: Partial<OptionValues<typeof selectOptions> & OptionValues<typeof placeOptions>>,
): void {
  const { selector, allNamespaces, file, table, group } = options;
  const flag = file ? '-f' : table ? '--table' : group ? '--group' : undefined;
  const other = selector !== undefined ? '-l' : allNamespaces ? '-A' : undefined;
  if ((flag ?? name) === undefined || other === undefined) return;
  if (flag === undefined && other === '-A')
    throw new KcgError('InvalidInput', `${verb} takes names of one namespace, not of all`, {
      fix: 'Name it with -n, or choose with -l.',
    });
  throw new KcgError('InvalidInput', `${verb} takes ${flag ?? 'names'} or ${other}, not both`, {
    fix: `Leave out ${flag ?? name} or ${other}.`,
  });
}

/** Which groups is said one by one; else it is all there are. */
export function isNamed(
  names: readonly string[],
  { file, table, group }: Pick<OptionValues<typeof placeOptions>, 'file' | 'table' | 'group'>,
): boolean {
  return names.length > 0 || [file, table, group].some((given) => given !== undefined);
}

/** Where a group is when no resource is to be asked. */
export const placeOptions = {
  file: { type: 'string', short: 'f', description: 'YAML file of the group, in place of Kubernetes' },
  table: { type: 'string', description: 'DynamoDB table, in place of Kubernetes' },
  group: { type: 'string', description: 'id of the group, when file or table hold several' },
  stream: { type: 'string', description: "name or ARN of the stream, in place of the group's" },
  region: { type: 'string', description: "AWS region; default: the group's, then AWS_REGION" },
  'kinesis-endpoint': { type: 'url', description: 'URL of Kinesis, such as the one "kcg dev" prints' },
  'dynamodb-endpoint': { type: 'url', description: 'URL of DynamoDB, such as the one "kcg dev" prints' },
} as const satisfies OptionTable;

export const watchOption = {
  watch: { type: 'boolean', short: 'w', description: 'look again every two seconds, until Ctrl-C' },
} as const satisfies OptionTable;

export { otherClusterOptions };

/** Names of groups, at most so many: each alone or as kubectl has them (`kcg/orders`) and `-o name` writes them. */
export function groupNames(most: number): ArgumentLimits {
  return { positionals: most, prefix: /^(?:kcg|kinesisconsumergroups?)(?:\.kcg\.dev)?\//i };
}
