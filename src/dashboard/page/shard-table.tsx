import { useMemo } from 'preact/hooks';
import type { ShardRow } from '../page-data.ts';
import { Age } from './age.tsx';
import { DataTable, type Column } from './data-table.tsx';
import { useLater } from './later.ts';
import { Link } from './link.tsx';
import { Mark, TONE_OF_KIND } from './marks.tsx';
import type { Route } from './route.ts';
import { kindOf, matching, sortShards, type SortId } from './shard-order.ts';
import { judgementWords, lagWords, loadWords, shortShard, widthWords } from './words.ts';

export interface ShardTableProps {
  shards: readonly ShardRow[];
  route: Route;
  go: (route: Route, how: 'push' | 'replace') => void;
}

export function ShardTable({ shards: known, route, go }: ShardTableProps) {
  // A thousand shards change at once: what is above draws in this frame, the picture of them in the next.
  const shards = useLater(useLater(known));
  const { sort, find } = route;
  const rows = useMemo(() => sortShards(matching(shards, find), sort), [shards, find, sort]);
  const columns = useMemo(() => columnsOf(route), [route]);
  const choose = (by: string) => go({ ...route, sort: (by === sort ? 'lineage' : by) as SortId }, 'replace');
  return (
    <DataTable
      caption="Shards"
      columns={columns}
      rows={rows}
      keyOf={({ id }) => id}
      selected={route.shard}
      sorted={{ by: sort, choose, ids: ['id', 'state', 'owner', 'lag', 'load', 'width'] }}
      empty={shards.length === 0 ? 'No shard is known.' : `No shard matches ${find}.`}
    />
  );
}

function columnsOf(route: Route): readonly Column<ShardRow>[] {
  return [
    {
      id: 'id',
      head: 'Shard',
      isName: true,
      cell: ({ id }) => (
        <Link to={{ ...route, shard: id }} current={id === route.shard}>
          <span class="full-id">{id}</span>
          <span class="short-id" aria-hidden="true">
            {shortShard(id)}
          </span>
        </Link>
      ),
    },
    {
      id: 'state',
      head: 'State',
      cell: (shard) => {
        const tone = TONE_OF_KIND[kindOf(shard)];
        return (
          <span class="state">
            {tone ? <Mark tone={tone} /> : <span class="mark" />}
            {shard.state}
          </span>
        );
      },
    },
    { id: 'judgement', head: 'Judgement', shownFrom: 'medium', cell: judgementWords },
    {
      id: 'owner',
      head: 'Owner',
      shownFrom: 'medium',
      cell: ({ owner, state }) =>
        owner === undefined ? '–' : state === 'unowned' ? <span class="muted">was {owner}</span> : owner,
    },
    {
      id: 'lag',
      head: 'Lag',
      isNumber: true,
      cell: ({ lagMs }) => (lagMs === undefined ? '–' : lagWords(lagMs)),
    },
    { id: 'load', head: 'Load', isNumber: true, shownFrom: 'medium', cell: ({ load }) => loadWords(load) },
    { id: 'width', head: 'Width', isNumber: true, shownFrom: 'wide', cell: ({ width }) => widthWords(width) },
    {
      id: 'checkpointed',
      head: 'Checkpointed',
      isNumber: true,
      shownFrom: 'wide',
      cell: ({ checkpointedAt }) => <Age at={checkpointedAt} />,
    },
    {
      id: 'parents',
      head: 'From',
      shownFrom: 'wide',
      cell: ({ parents }) => parents.map(shortShard).join(', ') || '–',
    },
  ];
}
