import { defaultTableName } from '../../api/group.ts';
import { GROUP_LABEL } from '../../api/labels.ts';
import type { ObjectCache, StoredObject } from '../../kubernetes/cluster.ts';
import { isMap } from '../../lib/is-map.ts';

/*
 * What the caches are asked by, so that a look at one group costs the same however many there are.
 */

/** Of the pod cache: `namespace/name` of the group. */
export const PODS_OF_GROUP = 'group';
/** Of the cache of groups: the name of the table, or `ANY_TABLE`. */
export const GROUPS_OF_TABLE = 'table';
/** Of the cache of groups: the group id, as far as the spec can be read. */
export const GROUPS_OF_ID = 'id';
/** Of the cache of resets: `namespace/name` of the group. */
export const RESETS_OF_GROUP = 'group';
/** For groups whose table cannot be told: they may use each. No table has this name. */
export const ANY_TABLE = '*';

/** The group an object belongs to, by its label. */
export function groupKeys({ metadata }: StoredObject): string[] {
  const group = metadata.labels?.[GROUP_LABEL];
  return group === undefined ? [] : [`${metadata.namespace ?? 'default'}/${group}`];
}

/** The table a group uses, as far as its spec can be read: one that is refused may have positions all the same. */
export function tablesOf({ metadata, spec }: StoredObject): string[] {
  const names = namesIn(spec);
  return [
    names ? (names.table ?? defaultTableName(names.groupId ?? defaultGroupId({ metadata }))) : ANY_TABLE,
  ];
}

/** Groups that use the table, or may. */
export function groupsOfTable(groups: Pick<ObjectCache, 'by'>, table: string): StoredObject[] {
  return [table, ANY_TABLE].flatMap((key) => groups.by(GROUPS_OF_TABLE, key));
}

/** Those of this group id that use the table, or may. */
export function usersOf(groups: Pick<ObjectCache, 'by'>, table: string, groupId: string): StoredObject[] {
  const users: readonly string[] = [table, ANY_TABLE];
  return groups
    .by(GROUPS_OF_ID, groupId)
    .filter((group) => tablesOf(group).some((name) => users.includes(name)));
}

/** Its table is somebody else's to set up, by its spec. */
export function isTableExternal({ spec }: StoredObject): boolean {
  type Spec = { checkpoints?: { table?: { management?: unknown } } } | undefined;
  return (spec as Spec)?.checkpoints?.table?.management === 'External';
}

/** As far as its spec can be read. */
export function groupIdIn({ metadata, spec }: StoredObject): string {
  return namesIn(spec)?.groupId ?? defaultGroupId({ metadata });
}

/** Without a schema, which costs more than all else of filing a change. Undefined where one of them cannot be read. */
function namesIn(spec: unknown): { groupId: string | undefined; table: string | undefined } | undefined {
  if (!isMap(spec)) return undefined;
  const checkpoints = spec['checkpoints'] ?? {};
  if (!isMap(checkpoints)) return undefined;
  const table = checkpoints['table'] ?? {};
  if (!isMap(table)) return undefined;
  const groupId = spec['groupId'] ?? undefined;
  const name = table['name'] ?? undefined;
  return isTextOrNone(groupId) && isTextOrNone(name) ? { groupId, table: name } : undefined;
}

function isTextOrNone(value: unknown): value is string | undefined {
  return value === undefined || typeof value === 'string';
}

function defaultGroupId({ metadata }: Pick<StoredObject, 'metadata'>): string {
  return `${metadata.namespace ?? 'default'}.${metadata.name}`;
}
