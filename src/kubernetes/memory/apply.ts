import { isDeepStrictEqual } from 'node:util';
import type { FieldConflict } from '../cluster.ts';
import { isMap } from '../../lib/is-map.ts';

/*
 * Server-side apply, as far as the twin needs it. An object is seen as a set of leaves: maps are entered, lists whose items
 * have a known key are entered item by item, all other lists are one leaf. Each manager owns the leaves it applied; a leaf
 * that its last owner stops applying goes away; a leaf that somebody else owns with another value is a conflict.
 * Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/
 */

/** A map key, or an item of a list by the value of its key field (`key` empty: the item itself, in a list used as a set). */
type Segment = string | { key: string; value: unknown };
type Leaf = { path: Segment[]; value: unknown };
export type FieldSet = ReadonlySet<string>;
type Json = Record<string, unknown>;

/** Lists merged by key. In real clusters the schema says so; these are the names the built-in types and our CRDs use. */
const LIST_KEYS: Readonly<Record<string, string>> = {
  conditions: 'type',
  containers: 'name',
  env: 'name',
  finalizers: '',
  imagePullSecrets: 'name',
  initContainers: 'name',
  ownerReferences: 'uid',
  ports: 'containerPort',
  topologySpreadConstraints: 'topologyKey',
  volumeMounts: 'mountPath',
  volumes: 'name',
};

export interface Managed {
  content: Json;
  /** Manager → the fields it owns. */
  owners: ReadonlyMap<string, FieldSet>;
}

export type MergeResult =
  | { outcome: 'merged'; managed: Managed }
  | { outcome: 'conflict'; fields: FieldConflict[] };

/** What an apply by `manager` makes of `current`, which stays as it is. With `force` nothing is a conflict. */
export function applyFields(
  current: Managed,
  applied: Json,
  { manager, force }: { manager: string; force: boolean },
): MergeResult {
  const leaves = leavesOf(applied);
  const existing = leavesOf(current.content);
  const others = [...current.owners].filter(([name]) => name !== manager);
  const fields: FieldConflict[] = [];
  for (const [field, { value }] of leaves) {
    if (!existing.has(field) || isDeepStrictEqual(existing.get(field)?.value, value)) continue;
    for (const [name, owned] of others) if (owned.has(field)) fields.push({ field, manager: `"${name}"` });
  }
  if (fields.length > 0 && !force) return { outcome: 'conflict', fields };
  const content = structuredClone(current.content);
  const dropped = [...(current.owners.get(manager) ?? [])]
    .filter((field) => !leaves.has(field) && !others.some(([, owned]) => owned.has(field)))
    .map((field) => existing.get(field)?.path)
    .filter((path) => path !== undefined);
  for (const path of dropped) if (!isItemKey(path)) removeAt(content, path);
  // An item of an item first: it keeps what it is in from being bare.
  const itemKeys = dropped.filter(isItemKey).toSorted((a, b) => b.length - a.length);
  for (const path of itemKeys) if (isBare(content, path)) removeAt(content, path);
  for (const { path, value } of leaves.values()) setAt(content, path, value);
  const taken = new Set(fields.map(({ field }) => field));
  const owners = new Map<string, FieldSet>();
  for (const [name, owned] of others)
    owners.set(name, new Set([...owned].filter((field) => !taken.has(field))));
  return { outcome: 'merged', managed: { content, owners: owners.set(manager, new Set(leaves.keys())) } };
}

/** What an update of the whole content by `manager` does to ownership: it owns what it changed, and nobody else does. */
export function replaceContent(current: Managed, content: Json, manager: string): Managed {
  const before = leavesOf(current.content);
  const after = leavesOf(content);
  const changed = new Set<string>();
  for (const [field, { value }] of after) {
    if (!isDeepStrictEqual(before.get(field)?.value, value)) changed.add(field);
  }
  const owners = new Map<string, FieldSet>();
  for (const [name, owned] of current.owners) {
    const kept = [...owned].filter((field) => after.has(field) && (name === manager || !changed.has(field)));
    owners.set(name, new Set(kept));
  }
  const mine = owners.get(manager) ?? new Set<string>();
  return { content, owners: owners.set(manager, new Set([...mine, ...changed])) };
}

/**
 * The first map that is left without fields, as `.lag`: what its only owner makes of it by an apply of `{}`. A schema takes it
 * for null, and refuses that.
 */
export function emptiedMap(before: unknown, after: unknown): string | undefined {
  if (!isMap(before) || !isMap(after)) return undefined;
  const names = Object.keys(after);
  if (names.length === 0) return Object.keys(before).length > 0 ? '' : undefined;
  for (const name of names) {
    const below = emptiedMap(before[name], after[name]);
    if (below !== undefined) return `.${name}${below}`;
  }
  return undefined;
}

/** The fields of `content`, named as Kubernetes prints them. */
function leavesOf(content: Json): Map<string, Leaf> {
  const leaves = new Map<string, Leaf>();
  collect(content, [], leaves);
  return leaves;
}

function collect(value: unknown, path: Segment[], leaves: Map<string, Leaf>): void {
  if (value === undefined || value === null) return;
  const items = Array.isArray(value) ? keyedItems(value, path.at(-1)) : undefined;
  if (items) {
    for (const { segment, item } of items) collect(item, [...path, segment], leaves);
  } else if (isMap(value) && (path.length === 0 || Object.keys(value).length > 0)) {
    for (const [key, child] of Object.entries(value)) collect(child, [...path, key], leaves);
  } else {
    leaves.set(printPath(path), { path, value });
  }
}

function keyedItems(
  list: unknown[],
  field: Segment | undefined,
): { segment: Segment; item: unknown }[] | undefined {
  const key = typeof field === 'string' ? LIST_KEYS[field] : undefined;
  if (key === undefined || list.length === 0) return undefined;
  if (key === '') return list.map((item) => ({ segment: { key, value: item }, item }));
  if (!list.every((item) => isMap(item) && item[key] !== undefined)) return undefined;
  return list.map((item) => ({ segment: { key, value: (item as Json)[key] }, item }));
}

function printPath(path: readonly Segment[]): string {
  return path
    .map((segment) => {
      if (typeof segment === 'string') return `.${segment}`;
      const value = JSON.stringify(segment.value);
      return segment.key ? `[${segment.key}=${value}]` : `[${value}]`;
    })
    .join('');
}

function setAt(root: Json, path: readonly Segment[], value: unknown): void {
  let node: unknown = root;
  for (const [index, segment] of path.entries()) {
    const next = path[index + 1];
    // An empty map claims that there is a map, not that it is empty.
    if (next === undefined && isMap(value) && isMap(child(node, segment))) return;
    if (next === undefined) put(node, segment, structuredClone(value));
    else node = child(node, segment) ?? put(node, segment, typeof next === 'string' ? {} : []);
  }
}

function child(node: unknown, segment: Segment): object | undefined {
  if (typeof segment === 'string') {
    const value = (node as Json)[segment];
    return typeof value === 'object' && value !== null ? value : undefined;
  }
  return (node as object[]).find((item) => isItem(item, segment));
}

function put(node: unknown, segment: Segment, value: unknown): unknown {
  if (typeof segment === 'string') {
    (node as Json)[segment] = value;
  } else if (!(node as unknown[]).some((item) => isItem(item, segment))) {
    (node as unknown[]).push(isMap(value) ? Object.assign(value, { [segment.key]: segment.value }) : value);
  }
  return value;
}

/** Removes a field, then the maps, items and lists that are empty without it. */
function removeAt(node: unknown, [segment, ...rest]: readonly Segment[]): void {
  if (segment === undefined) return;
  if (rest.length > 0) {
    const below = child(node, segment);
    if (below === undefined) return;
    removeAt(below, rest);
    if (Object.keys(below).length > 0) return;
  }
  if (typeof segment === 'string') delete (node as Json)[segment];
  else removeItem(node as unknown[], segment);
}

function removeItem(list: unknown[], segment: { key: string; value: unknown }): void {
  const index = list.findIndex(
    (item) => isItem(item, segment) || (isMap(item) && Object.keys(item).length === 0),
  );
  if (index >= 0) list.splice(index, 1);
}

/** The key of an item goes last, and only when nothing else of the item is left. */
function isItemKey(path: readonly Segment[]): boolean {
  const item = path.at(-2);
  return typeof item === 'object' && item.key === path.at(-1);
}

function isItem(item: unknown, segment: { key: string; value: unknown }): boolean {
  return segment.key === '' ? item === segment.value : isMap(item) && item[segment.key] === segment.value;
}

function isBare(content: Json, path: readonly Segment[]): boolean {
  let node: unknown = content;
  for (const segment of path.slice(0, -1)) node = node === undefined ? undefined : child(node, segment);
  return isMap(node) && Object.keys(node).length === 1;
}
