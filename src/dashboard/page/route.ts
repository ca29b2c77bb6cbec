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
}

export const HOME: Route = { group: '', shard: undefined, sort: 'lineage', all: false, find: '' };

export function parseRoute(pathname: string, search: string): Route {
  const [, namespace, name] = /^\/groups\/([^/]+)\/([^/]+)\/?$/.exec(pathname) ?? [];
  const query = new URLSearchParams(search);
  const sort = query.get('sort');
  return {
    group: namespace && name ? `${decodeURIComponent(namespace)}/${decodeURIComponent(name)}` : '',
    shard: query.get('shard') ?? undefined,
    sort: SORTS.find((known) => known === sort) ?? 'lineage',
    all: query.get('all') === '1',
    find: query.get('find') ?? '',
  };
}

/** Path and query; what is as by default is left out. */
export function formatRoute({ group, shard, sort, all, find }: Route): string {
  const [namespace = '', name = ''] = group.split('/');
  const path = group === '' ? '/' : `/groups/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
  const query = new URLSearchParams();
  if (shard !== undefined) query.set('shard', shard);
  if (sort !== 'lineage') query.set('sort', sort);
  if (all) query.set('all', '1');
  if (find !== '') query.set('find', find);
  return query.size === 0 ? path : `${path}?${query}`;
}
