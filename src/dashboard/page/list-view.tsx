import { count, figure } from '../../lib/count.ts';
import type { GroupRow, ListPage } from '../page-data.ts';
import { DataTable, NOTHING_TOLD, type Column } from './data-table.tsx';
import { Link } from './link.tsx';
import { Badge } from './marks.tsx';
import { HOME } from './route.ts';
import { untorn } from './words.ts';

const COLUMNS: readonly Column<GroupRow>[] = [
  {
    id: 'group',
    head: 'Group',
    isName: true,
    cell: ({ id, namespace, name }) => (
      <Link to={{ ...HOME, group: id }}>
        <span class="muted">{namespace}/</span>
        <wbr />
        {name}
      </Link>
    ),
  },
  { id: 'state', head: 'State', cell: ({ verdict }) => <Badge tone={verdict.kind}>{verdict.word}</Badge> },
  { id: 'stream', head: 'Stream', shownFrom: 'wide', cell: ({ stream }) => stream ?? NOTHING_TOLD },
  {
    id: 'shards',
    head: 'Shards',
    isNumber: true,
    shownFrom: 'medium',
    cell: ({ shards }) => shards ?? NOTHING_TOLD,
  },
  { id: 'pods', head: 'Pods', isNumber: true, shownFrom: 'medium', cell: ({ pods }) => pods ?? NOTHING_TOLD },
  { id: 'lag', head: 'Lag', isNumber: true, cell: ({ lag }) => lag ?? NOTHING_TOLD },
  {
    id: 'wrong',
    head: 'What is wrong first',
    isProse: true,
    shownFrom: 'medium',
    cell: ({ worst, more }) =>
      worst ? (
        <span class="one-line" title={worst.what}>
          {untorn(worst.what)}
          {more > 0 ? <span class="muted"> (and {figure(more)} more)</span> : null}
        </span>
      ) : (
        NOTHING_TOLD
      ),
  },
];

export function ListView({ page }: { page: ListPage }) {
  const { groups } = page;
  if (!groups) return <p class="muted">The operator has not listed the groups yet.</p>;
  const wrong = groups.filter(({ worst }) => worst !== undefined).length;
  return (
    <>
      <h1 tabIndex={-1}>Consumer groups</h1>
      <p class="lead">
        {groups.length === 0
          ? 'There are no KinesisConsumerGroups that this operator looks after.'
          : wrong === 0
            ? `${count(groups.length, 'group')}, nothing wrong.`
            : `${figure(wrong)} of ${count(groups.length, 'group')} in trouble.`}
      </p>
      <DataTable
        caption="Consumer groups, those in trouble first"
        columns={COLUMNS}
        rows={groups}
        keyOf={({ id }) => id}
        empty="None."
        stacks
      />
    </>
  );
}
