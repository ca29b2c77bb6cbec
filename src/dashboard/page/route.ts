import { spanOf, WHOLE, type Span } from './shard-layout.ts';
import { SORTS, type SortId } from './shard-order.ts';

/** What is shown, as its address says it: every state that is worth a link has one. */
export interface Route {
  /** `namespace/name`; empty = the list of groups. */
  group: string;
  /** The shard that is looked at. */
  shard: string | undefined;
  /** Order of the shards. */
  sort: SortId;
  /** Shards that are old history, too. */
  all: boolean;
  /** Only rows that hold it. */
  find: string;
  /** What the picture shows of the hash keys. */
  keys: Span;
}

/** Leads to what is shown now but for `change`: to an address of its own in the history of the tab, or in place of the one that is there. */
export type Go = (change: Partial<Route>, how: 'push' | 'replace') => void;

export const HOME: Route = {
  group: '',
  shard: undefined,
  sort: 'lineage',
  all: false,
  find: '',
  keys: WHOLE,
};

export function parseRoute(pathname: string, search: string): Route {
  const query = new URLSearchParams(search);
  const [, namespace, name] = /^\/groups\/([^/]+)\/([^/]+)\/?$/.exec(pathname) ?? [];
  const [, from, to] = /^([\d.]+)-([\d.]+)$/.exec(query.get('keys') ?? '') ?? [];
  const sort = query.get('sort');
  return {
    group: namespace && name ? `${decodeURIComponent(namespace)}/${decodeURIComponent(name)}` : '',
    shard: query.get('shard') ?? undefined,
    sort: SORTS.find((known) => known === sort) ?? 'lineage',
    all: query.get('all') === '1',
    find: query.get('find') ?? '',
    keys: from && to ? spanOf(Number(from) / 100, Number(to) / 100) : WHOLE,
  };
}

/** Path and query; what is as by default is left out. */
export function formatRoute({ group, shard, sort, all, find, keys }: Route): string {
  const [namespace = '', name = ''] = group.split('/');
  const path = group === '' ? '/' : `/groups/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
  const query = new URLSearchParams();
  if (shard !== undefined) query.set('shard', shard);
  if (sort !== 'lineage') query.set('sort', sort);
  if (all) query.set('all', '1');
  if (find !== '') query.set('find', find);
  if (keys.width < 1) query.set('keys', `${percent(keys.from)}-${percent(keys.from + keys.width)}`);
  return query.size === 0 ? path : `${path}?${query}`;
}

/** Finer than the narrowest span, so that a link shows what was seen. */
function percent(share: number): string {
  return String(Number((share * 100).toFixed(6)));
}
