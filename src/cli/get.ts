import { stringify } from 'yaml';
import type { GroupStatus } from '../api/group-status.ts';
import type { OptionTable, OptionValues } from '../lib/options.ts';
import { formatAge } from '../view/format.ts';
import { otherClusterOptions, selectOptions, watchOption } from './group-options.ts';
import { printTable } from './print-table.ts';

/** What is shown of a group; also of one whose spec is invalid. */
export interface ListedGroup {
  metadata: { name: string; namespace?: string; creationTimestamp?: string | undefined };
  spec?: { stream?: { name?: string | undefined; arn?: string | undefined }; desiredState?: string };
  status?: GroupStatus | undefined;
}

const OUTPUTS = ['wide', 'json', 'yaml', 'name'] as const;

export const getOptions = {
  ...selectOptions,
  ...watchOption,
  output: { type: 'string', short: 'o', description: 'more columns, or as data', choices: OUTPUTS },
  ...otherClusterOptions,
} as const satisfies OptionTable;

export interface GetInput {
  options: Pick<OptionValues<typeof getOptions>, 'allNamespaces' | 'output'>;
  /** One was asked for by name: it is printed as it is, not in a list. */
  isOne: boolean;
  /** As the API server has them; at least one. */
  groups: readonly ListedGroup[];
  /** Wall clock, ms since the epoch. */
  now: number;
}

/** What `kcg get` prints, without the newline at the end. */
export function printGroups({ options, isOne, groups, now }: GetInput): string {
  const { output, allNamespaces } = options;
  const shown = groups.toSorted(byName);
  if (output === 'name')
    return shown.map(({ metadata }) => `kinesisconsumergroup.kcg.dev/${metadata.name}`).join('\n');
  if (output === 'json' || output === 'yaml') {
    const value = isOne ? shown[0] : { apiVersion: 'v1', kind: 'List', items: shown };
    return output === 'json' ? JSON.stringify(value, undefined, 2) : stringify(value).trimEnd();
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
