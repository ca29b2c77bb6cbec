import type { ComponentChildren } from 'preact';
import { count, figure } from '../../lib/count.ts';
import { formatDuration } from '../../view/format.ts';
import type { EventView } from '../../view/group-picture.ts';
import type { Move } from '../group-history.ts';
import type { ConditionLine, WorkerLine } from '../page-data.ts';
import { Age } from './age.tsx';
import { DataTable, NOTHING_TOLD, type Column } from './data-table.tsx';
import { Mark } from './marks.tsx';
import { PodName, ShardName } from './names.tsx';
import { untorn } from './words.ts';

function Section({ id, title, children }: { id: string; title: string; children: ComponentChildren }) {
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  );
}

const MOVES: readonly Column<Move>[] = [
  { id: 'when', head: 'When', cell: ({ at }) => <Age at={at} /> },
  {
    id: 'shard',
    head: 'Shard',
    isName: true,
    cell: ({ shardId }) => <ShardName id={shardId} />,
  },
  { id: 'why', head: 'Why', cell: ({ why }) => why ?? NOTHING_TOLD },
  {
    id: 'from',
    head: 'From',
    shownFrom: 'narrow',
    cell: ({ from }) => (from === undefined ? 'nobody' : <PodName name={from} />),
  },
  {
    id: 'to',
    head: 'To',
    cell: ({ to }) => (to === undefined ? 'nobody' : <PodName name={to} />),
  },
];

/** In place of what only rows tell, where they have not been read. */
const UNREAD = 'Not known: its rows have not been read.';

export function MoveTable({ moves, isRead }: { moves: readonly Move[]; isRead: boolean }) {
  return (
    <Section id="moves" title="Changes of owner">
      <DataTable
        caption="Changes of owner, newest first"
        rows={moves}
        keyOf={({ shardId, at, why }) => `${shardId} ${at} ${why}`}
        empty={isRead ? 'None that the rows tell of.' : UNREAD}
        columns={MOVES}
      />
    </Section>
  );
}

const EVENTS: readonly Column<EventView>[] = [
  { id: 'when', head: 'When', cell: ({ at }) => <Age at={at} /> },
  {
    id: 'reason',
    head: 'Reason',
    isName: true,
    cell: ({ reason, type, count: times }) => (
      <span class="state">
        <Mark tone={type === 'Warning' ? 'warning' : 'note'} />
        {reason}
        {times > 1 && <span class="muted"> ×{figure(times)}</span>}
        {type === 'Warning' && <span class="unseen"> (warning)</span>}
      </span>
    ),
  },
  {
    id: 'note',
    head: 'What',
    isProse: true,
    cell: ({ note, regarding }) => (
      <>
        {untorn(note)} <span class="muted regarding">{regarding}</span>
      </>
    ),
  },
];

export function EventTable({ events }: { events: readonly EventView[] }) {
  return (
    <Section id="events" title="Events">
      <DataTable
        caption="Kubernetes Events of the group and its pods, newest first"
        rows={events}
        keyOf={({ reason, regarding, note }) => `${reason} ${regarding} ${note}`}
        empty="None in the last hour."
        columns={EVENTS}
        stacks
      />
    </Section>
  );
}

const WORKERS: readonly Column<WorkerLine>[] = [
  { id: 'worker', head: 'Worker', isName: true, cell: ({ id }) => <PodName name={id} /> },
  {
    id: 'state',
    head: 'State',
    cell: ({ state, ready, trouble }) => (
      <span class="state">
        <Mark tone={state === 'dead' || trouble ? 'error' : state === 'live' ? 'good' : 'asked'} />
        {state}
        {ready === false && ', pod not ready'}
      </span>
    ),
  },
  { id: 'held', head: 'Shards', isNumber: true, cell: ({ shards }) => figure(shards) },
  {
    id: 'lag',
    head: 'Lag',
    isNumber: true,
    cell: ({ lagMs }) => (lagMs === undefined ? NOTHING_TOLD : formatDuration(lagMs)),
  },
  {
    id: 'restarts',
    head: 'Restarts',
    isNumber: true,
    shownFrom: 'medium',
    cell: ({ restarts }) => (restarts === undefined ? NOTHING_TOLD : figure(restarts)),
  },
  { id: 'node', head: 'Node', shownFrom: 'wide', cell: ({ node }) => node ?? NOTHING_TOLD },
  {
    id: 'started',
    head: 'Started',
    shownFrom: 'medium',
    cell: ({ startedAt }) => <Age at={startedAt} />,
  },
  {
    id: 'trouble',
    head: 'What it cannot do',
    isProse: true,
    cell: ({ trouble }) => (trouble === undefined ? NOTHING_TOLD : untorn(trouble)),
  },
];

export function WorkerTable({ workers, isRead }: { workers: readonly WorkerLine[]; isRead: boolean }) {
  return (
    <Section id="workers" title={isRead ? count(workers.length, 'worker') : 'Workers'}>
      <DataTable
        caption="Workers"
        rows={workers}
        keyOf={({ id }) => id}
        empty={isRead ? 'No worker has a row in the table.' : UNREAD}
        columns={WORKERS}
        stacks
      />
    </Section>
  );
}

const CONDITIONS: readonly Column<ConditionLine>[] = [
  { id: 'type', head: 'Type', isName: true, cell: ({ id }) => id },
  { id: 'status', head: 'Status', cell: ({ status }) => status },
  { id: 'reason', head: 'Reason', cell: ({ reason }) => reason },
  { id: 'since', head: 'Since', shownFrom: 'medium', cell: ({ since }) => <Age at={since} /> },
  { id: 'message', head: 'Message', isProse: true, cell: ({ message }) => untorn(message) },
];

export function ConditionTable({ conditions }: { conditions: readonly ConditionLine[] }) {
  return (
    <Section id="conditions" title="Conditions">
      <DataTable
        caption="Conditions"
        rows={conditions}
        keyOf={({ id }) => id}
        empty="The operator has not written any."
        columns={CONDITIONS}
        stacks
      />
    </Section>
  );
}
