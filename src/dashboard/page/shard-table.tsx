import { useMemo } from 'preact/hooks';
import type { ShardRow } from '../page-data.ts';
import { Age } from './age.tsx';
import { DataTable, NOTHING_TOLD, type Column } from './data-table.tsx';
import { useLater } from './later.ts';
import { Link } from './link.tsx';
import { Mark, TONE_OF_KIND } from './marks.tsx';
import { PodName, ShardName } from './names.tsx';
import type { Go, Route } from './route.ts';
import { kindOf, matching, sortShards, type SortId } from './shard-order.ts';
import { judgementWords, lagWords, loadWords, shortShard, widthWords } from './words.ts';

export interface ShardTableProps {
  shards: readonly ShardRow[];
  route: Route;
  go: Go;
}

export function ShardTable({ shards: known, route, go }: ShardTableProps) {
  // A thousand shards change at once: what is above draws in this frame, the picture of them in the next.
  const shards = useLater(useLater(known));
  const { sort, find } = route;
  const rows = useMemo(() => sortShards(matching(shards, find), sort), [shards, find, sort]);
  const columns = useMemo(() => columnsOf(route), [route]);
  const choose = (by: string) => go({ sort: (by === sort ? 'lineage' : by) as SortId }, 'replace');
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
          <ShardName id={id} />
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
            {shard.judgement !== undefined && shard.judgement !== 'OK' && (
              <span class="to-medium">, {shard.judgement}</span>
            )}
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
        owner === undefined ? (
          NOTHING_TOLD
        ) : state === 'unowned' ? (
          <span class="muted">
            was <PodName name={owner} />
          </span>
        ) : (
          <PodName name={owner} />
        ),
    },
    {
      id: 'lag',
      head: 'Lag',
      isNumber: true,
      cell: ({ lagMs }) => (lagMs === undefined ? NOTHING_TOLD : lagWords(lagMs)),
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
      cell: ({ parents }) => parents.map(shortShard).join(', ') || NOTHING_TOLD,
    },
  ];
}
