import { render } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { systemClock } from '../../lib/clock.ts';
import { formatAge } from '../../view/format.ts';
import type { Page } from '../page-data.ts';
import { Ticker, Time } from './age.tsx';
import { GroupView } from './group-view.tsx';
import { Link } from './link.tsx';
import { restorePlace } from './kept-place.ts';
import { ListView } from './list-view.tsx';
import { begin, follow, type Live } from './live.ts';
import { Mark } from './marks.tsx';
import { INPUTS, reloadHere } from './renewal.ts';
import { formatRoute, HOME, parseRoute, type Go, type Route } from './route.ts';
import { clockWords } from './words.ts';

function App() {
  const { route, go } = useRoute();
  const live = useLive(route.group);
  const ticker = useRef(new Ticker(systemClock.now())).current;
  const now = useNow((nowMs) => ticker.tick(nowMs + live.skewMs));
  const { page, lostAt, isOther, skewMs } = live;
  // What is drawn first is by the server's clock, too, which is known by then.
  ticker.nowMs = now + skewMs;
  // The clock alone draws no more than ages.
  const content = useMemo(
    () => (
      <>
        {page && !page.role.leads && <StandsBy page={page} />}
        <Content {...{ page, route, go, lostAt }} />
      </>
    ),
    [page, route, lostAt],
  );
  useEffect(() => {
    document.title = titleOf(route, live);
  });
  useLayoutEffect(() => {
    if (page) void restorePlace(INPUTS);
  }, [page !== undefined]);
  return (
    <>
      <a class="skip" href="#main">
        To the content
      </a>
      <header class="top">
        <nav aria-label="Where you are">
          <Link to={HOME} class="home">
            kcg
          </Link>
          {route.group !== '' && (
            <>
              <span class="muted" aria-hidden="true">
                /
              </span>
              <Link to={{ ...HOME, group: route.group }}>{route.group}</Link>
            </>
          )}
        </nav>
        <Connection live={live} now={now} />
      </header>
      <main id="main" tabIndex={-1}>
        {isOther && <Other />}
        <Time.Provider value={ticker}>{content}</Time.Provider>
      </main>
    </>
  );
}

function Content({
  page,
  route,
  go,
  lostAt,
}: {
  page: Page | undefined;
  route: Route;
  go: Go;
  lostAt: Live['lostAt'];
}) {
  switch (page?.kind) {
    case undefined:
      return <p class="muted">{lostAt === undefined ? 'Loading …' : 'The operator does not answer.'}</p>;
    case 'list':
      return <ListView page={page} />;
    case 'group':
      return <GroupView {...{ page, route, go }} />;
    case 'missing':
      return (
        <>
          <h1 tabIndex={-1}>{page.id}</h1>
          <p>There is no such group, or this operator does not look after its namespace.</p>
          <p>
            <Link to={HOME}>All groups</Link>
          </p>
        </>
      );
  }
}

function StandsBy({ page }: { page: Page }) {
  const { leader } = page.role;
  return (
    <p class="banner">
      <Mark tone="unknown" />
      <span>
        This replica of the operator stands by: it knows what the resources say, and reads no rows.
        {leader !== undefined && ` ${leader} leads: open the dashboard there.`}
      </span>
    </p>
  );
}

function Other() {
  return (
    <p class="banner" role="status">
      <Mark tone="unknown" />
      <span>
        kcg answers in another version than this page is of.{' '}
        <button type="button" class="button" onClick={reloadHere}>
          Load it anew
        </button>
      </span>
    </p>
  );
}

/** Told to a screen reader when it changes, and not with every beat: one element, since what comes with its words is often not told. */
function Connection({ live, now }: { live: Live; now: number }) {
  const { isConnected, lostAt, heardAt } = live;
  const isLost = !isConnected && lostAt !== undefined;
  const words = isConnected ? 'Live' : isLost ? `Not connected since ${clockWords(lostAt)}` : 'Connecting';
  return (
    <div class={isLost ? 'connection lost' : 'connection'}>
      <p role="status">
        <Mark tone={isConnected ? 'good' : isLost ? 'error' : 'unknown'} />
        {words}
      </p>
      {isLost && (
        <span class="muted">
          {heardAt !== undefined && `What is shown is ${formatAge(now - heardAt)} old. `}Trying again.
        </span>
      )}
    </div>
  );
}

/** What a tab says that one does not look at. */
function titleOf({ group, shard = group }: Route, { page, lostAt }: Live): string {
  const isGroup = page?.kind === 'group';
  const word = lostAt === undefined ? isGroup && page.verdict.word : 'Not connected';
  const what = [word, isGroup ? shard : group].filter(Boolean).join(' · ');
  return [what, 'kcg'].filter(Boolean).join(' – ');
}

function useRoute() {
  const read = () => parseRoute(location.pathname, location.search);
  const [route, setRoute] = useState(read);
  const latest = useRef(route);
  const lead = (next: Route) => setRoute((latest.current = next));
  const go: Go = (change, how) => {
    lead({ ...latest.current, ...change });
    const url = formatRoute(latest.current);
    try {
      if (how === 'push') history.pushState(undefined, '', url);
      else history.replaceState(undefined, '', url);
    } catch {
      // A browser may refuse more than so many in a while, as when a key is held: the next one has it all.
    }
  };
  useEffect(() => {
    const back = () => lead(read());
    const follow = (event: MouseEvent) => {
      const link = (event.target as Element).closest?.('a');
      const isPlain =
        event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
      if (!link || !isPlain || link.origin !== location.origin || link.hash !== '') return;
      event.preventDefault();
      go(parseRoute(link.pathname, link.search), 'push');
    };
    addEventListener('popstate', back);
    document.addEventListener('click', follow);
    return () => {
      removeEventListener('popstate', back);
      document.removeEventListener('click', follow);
    };
  }, []);
  const isFirst = useRef(true);
  useEffect(() => {
    if (isFirst.current) isFirst.current = false;
    else {
      // As a browser does with a new page.
      scrollTo(0, 0);
      document.getElementById('main')?.focus({ preventScroll: true });
    }
  }, [route.group]);
  return { route, go };
}

function useLive(group: string): Live {
  const [told, setTold] = useState<{ group: string; live: Live }>({ group, live: begin(group, undefined) });
  const live = told.group === group ? told.live : begin(group, told.live.lostAt);
  useEffect(() => {
    const stop = new AbortController();
    follow(group, live, { tell: (next) => setTold({ group, live: next }), signal: stop.signal });
    return () => stop.abort();
  }, [group]);
  return live;
}

/** This machine's wall clock, each second. */
function useNow(tell: (nowMs: number) => void): number {
  const [now, setNow] = useState(systemClock.now());
  const latest = useRef(tell);
  latest.current = tell;
  useEffect(() => {
    const stop = new AbortController();
    const tick = async () => {
      while (!stop.signal.aborted) {
        await systemClock.sleep(1_000, { signal: stop.signal });
        latest.current(systemClock.now());
        setNow(systemClock.now());
      }
    };
    void tick();
    return () => stop.abort();
  }, []);
  return now;
}

render(<App />, document.getElementById('page')!);
