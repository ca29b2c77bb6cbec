import { stringify } from 'yaml';
import type { GroupStatus } from '../api/group-status.ts';
import { KcgError } from '../lib/errors.ts';
import type { OptionTable, OptionValues } from '../lib/options.ts';
import { formatAge } from '../view/format.ts';
import { clusterOptions } from './cluster-options.ts';
import { printTable } from './print-table.ts';

/** What is shown of a group; also of one whose spec is invalid. */
export interface ListedGroup {
  metadata: { name: string; namespace?: string; creationTimestamp?: string | undefined };
  spec?: { stream?: { name?: string | undefined; arn?: string | undefined }; desiredState?: string };
  status?: GroupStatus | undefined;
}

const OUTPUTS = ['wide', 'json', 'yaml'] as const;

const { namespace, ...otherClusterOptions } = clusterOptions;
export const getOptions = {
  namespace,
  'all-namespaces': { type: 'boolean', short: 'A', description: 'look in all namespaces' },
  output: { type: 'string', short: 'o', description: OUTPUTS.join(' | ') },
  ...otherClusterOptions,
} as const satisfies OptionTable;

export interface GetInput {
  options: Pick<OptionValues<typeof getOptions>, 'allNamespaces' | 'output'>;
  /** Undefined = all. */
  name: string | undefined;
  /** As the API server has them. */
  groups: readonly ListedGroup[];
  /** For the message when there are none. */
  namespace: string;
  /** Wall clock, ms since the epoch. */
  now: number;
}

/**
 * What `kcg get` prints, without the newline at the end.
 * @throws KcgError `InvalidInput` for an unknown output, `NotFound` when the named group is not there
 */
export function printGroups({ options, name, groups, namespace, now }: GetInput): string {
  const { output, allNamespaces } = options;
  if (output !== undefined && !(OUTPUTS as readonly string[]).includes(output)) {
    throw new KcgError('InvalidInput', `-o takes one of ${OUTPUTS.join(', ')}, not '${output}'`);
  }
  const shown = groups
    .filter(({ metadata }) => name === undefined || metadata.name === name)
    .toSorted(byName);
  if (name !== undefined && shown.length === 0) {
    throw new KcgError('NotFound', `there is no KinesisConsumerGroup ${name} in namespace ${namespace}`, {
      fix: 'kcg get -A lists those of all namespaces.',
    });
  }
  if (output === 'json' || output === 'yaml') {
    const value = name === undefined ? { apiVersion: 'v1', kind: 'List', items: shown } : shown[0];
    return output === 'json' ? JSON.stringify(value, undefined, 2) : stringify(value).trimEnd();
  }
  if (shown.length === 0) {
    return allNamespaces ? 'No resources found' : `No resources found in ${namespace} namespace.`;
  }
  const table = groupTable(shown, now, output === 'wide');
  if (!allNamespaces) return printTable(table);
  const namespaces = ['NAMESPACE', ...shown.map(({ metadata }) => metadata.namespace ?? '')];
  return printTable(table.map((row, index) => [namespaces[index] ?? '', ...row]));
}

const HEADER = ['NAME', 'STREAM', 'SHARDS', 'PODS', 'LAG', 'READY', 'REASON'];
const WIDE_HEADER = ['STATE', 'GROUPID', 'TABLE', 'HEADROOM', 'DESIRED'];

/** Header and rows as `kubectl get kcg` prints them, in the order given. */
export function groupTable(groups: readonly ListedGroup[], now: number, wide: boolean): string[][] {
  const header = [...HEADER, ...(wide ? WIDE_HEADER : []), 'AGE'];
  return [header, ...groups.map((group) => groupRow(group, now, wide))];
}

function groupRow({ metadata, spec, status }: ListedGroup, now: number, wide: boolean): string[] {
  const { summary, conditions, groupId, table, lag, scaling } = status ?? {};
  const ready = conditions?.find(({ type }) => type === 'Ready');
  const created = Date.parse(metadata.creationTimestamp ?? '');
  const cells = [
    metadata.name,
    spec?.stream?.name ?? spec?.stream?.arn,
    summary?.shards,
    summary?.pods,
    summary?.lag,
    ready?.status,
    ready?.reason,
    ...(wide
      ? [spec?.desiredState, groupId, table?.name, lag?.retentionHeadroomPercent, scaling?.desired]
      : []),
    Number.isNaN(created) ? '<unknown>' : formatAge(now - created),
  ];
  return cells.map((cell) => String(cell ?? ''));
}

function byName(a: ListedGroup, b: ListedGroup): number {
  const key = ({ metadata }: ListedGroup) => `${metadata.namespace ?? ''}/${metadata.name}`;
  return key(a) < key(b) ? -1 : 1;
}
