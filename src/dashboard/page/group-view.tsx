import { useEffect, useMemo, useRef } from 'preact/hooks';
import { count, figure } from '../../lib/count.ts';
import type { Problem } from '../../view/problem.ts';
import type { GroupPage } from '../page-data.ts';
import { Age } from './age.tsx';
import { Charts } from './charts.tsx';
import { Facts } from './facts.tsx';
import { EventTable, ConditionTable, MoveTable, WorkerTable } from './group-tables.tsx';
import { Badge, Mark } from './marks.tsx';
import type { Go, Route } from './route.ts';
import { matching } from './shard-order.ts';
import { ShardPanel } from './shard-panel.tsx';
import { ShardPicture } from './shard-picture.tsx';
import { ShardTable } from './shard-table.tsx';
import { untorn } from './words.ts';

export interface GroupViewProps {
  page: GroupPage;
  route: Route;
  go: Go;
}

export function GroupView({ page, route, go }: GroupViewProps) {
  const { namespace, name, verdict, facts, problems, unknown, lookedAt, history } = page;
  const isRead = lookedAt !== undefined;
  const charts = useMemo(() => history && <Charts series={history} />, [history]);
  return (
    <>
      <header class="group-head">
        <h1 tabIndex={-1}>
          <span class="muted">{namespace}/</span>
          {name}
        </h1>
        <Badge tone={verdict.kind}>{verdict.word}</Badge>
        <p class="muted looked">
          {lookedAt === undefined ? (
            'Its rows have not been read.'
          ) : (
            <>
              Rows read <Age at={lookedAt} />
            </>
          )}
        </p>
      </header>
      <Problems problems={problems} />
      {unknown.map(({ what, why }) => (
        <p class="unknown" key={what}>
          <Mark tone="unknown" />
          <span>
            <strong>{what}</strong> not known: {untorn(why)}
          </span>
        </p>
      ))}
      <Facts facts={facts.map(([name, text]) => [name, untorn(text)])} />
      {history && (
        <section aria-labelledby="hour">
          <h2 id="hour">The last hour</h2>
          {charts}
        </section>
      )}
      <Shards {...{ page, route, go }} />
      <div class="columns">
        <MoveTable moves={page.moves} isRead={isRead} />
        <EventTable events={page.events} />
      </div>
      <WorkerTable workers={page.workers} isRead={isRead} />
      <ConditionTable conditions={page.conditions} />
    </>
  );
}

function Problems({ problems }: { problems: readonly Problem[] }) {
  if (problems.length === 0) return null;
  return (
    <section aria-labelledby="problems">
      <h2 id="problems">{`${count(problems.length, 'thing')} to know`}</h2>
      <ul class="problems">
        {problems.map(({ severity, reason, what, next }) => (
          <li key={reason} class={`tone-${severity}`}>
            <Mark tone={severity} />
            <div>
              <strong>{reason}</strong> <span class="unseen">({severity}) </span>
              <span>{untorn(what)}</span>
              {next !== undefined && <p class="next">→ {untorn(next)}</p>}
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Shards({ page, route, go }: GroupViewProps) {
  const { shards } = page;
  const shown = useMemo(() => (route.all ? shards : shards.filter(({ old }) => !old)), [shards, route.all]);
  const hidden = shards.length - shown.length;
  const found = useMemo(() => matching(shown, route.find).length, [shown, route.find]);
  const chosen = shards.find(({ id }) => id === route.shard);
  const isKnown = shards.length > 0 || page.lookedAt !== undefined;
  const section = useRef<HTMLElement>(null);
  usePlaceOfPanel(section, route.shard);
  return (
    <section ref={section} aria-labelledby="shards">
      <div class="section-head">
        <h2 id="shards">{isKnown ? count(shown.length, 'shard') : 'Shards'}</h2>
        {(hidden > 0 || route.all) && (
          <label class="check">
            <input
              type="checkbox"
              checked={route.all}
              onChange={(event) => go({ all: event.currentTarget.checked }, 'replace')}
            />
            also those of old history
            {hidden > 0 ? ` (${figure(hidden)})` : ''}
          </label>
        )}
        <p class="muted" aria-live="polite">
          {route.find.trim() !== '' && `${figure(found)} of ${figure(shown.length)} found`}
        </p>
        <label class="find">
          Find
          <input
            type="search"
            value={route.find}
            placeholder="shard, owner or state"
            onInput={(event) => go({ find: event.currentTarget.value }, 'replace')}
          />
        </label>
      </div>
      {shown.length > 0 && (
        <ShardPicture
          shards={shown}
          selected={route.shard}
          select={(shard) => go({ shard }, 'replace')}
          span={route.keys}
          show={(keys) => go({ keys }, 'replace')}
        />
      )}
      {chosen && <ShardPanel shard={chosen} shards={shards} route={route} />}
      <ShardTable shards={shown} route={route} go={go} />
    </section>
  );
}

/** A shard that is chosen by a link, as in the table far below, comes into sight; whoever closes it is where one chooses again. */
function usePlaceOfPanel(section: { current: HTMLElement | null }, shard: string | undefined): void {
  const before = useRef(shard);
  useEffect(() => {
    // Not when the page is loaded, which leads back to where one was.
    if (before.current === shard) return;
    before.current = shard;
    const { activeElement, body } = document;
    const panel = section.current!.querySelector('.panel');
    if (panel && activeElement?.matches('a')) {
      const { top } = panel.getBoundingClientRect();
      if (top < 0 || top > innerHeight / 2) panel.scrollIntoView();
    } else if (!panel && activeElement === body) {
      section.current!.querySelector<HTMLElement>('.picture-box')?.focus({ preventScroll: true });
    }
  }, [shard]);
}
