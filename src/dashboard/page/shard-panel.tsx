import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { systemClock } from '../../lib/clock.ts';
import type { Series } from '../group-history.ts';
import type { ShardRow } from '../page-data.ts';
import { Age } from './age.tsx';
import { Charts } from './charts.tsx';
import { Facts } from './facts.tsx';
import { Link } from './link.tsx';
import type { Route } from './route.ts';
import { judgementWords, lagWords, loadWords, widthWords } from './words.ts';

const FRESH_MS = 15_000;

/** All that is known of the shard that was chosen. */
export function ShardPanel({
  shard,
  shards,
  route,
}: {
  shard: ShardRow;
  shards: readonly ShardRow[];
  route: Route;
}) {
  const series = useSeries(route.group, shard.id);
  const children = shards.filter(({ parents }) => parents.includes(shard.id));
  const linked = (ids: readonly string[]) =>
    ids.map((id, index) => (
      <span key={id}>
        {index > 0 && ', '}
        <Link to={{ ...route, shard: id }}>{id}</Link>
      </span>
    ));
  const facts: [string, ComponentChildren][] = [
    ['State', `${shard.state}${shard.open === undefined ? '' : shard.open ? ', open' : ', closed'}`],
    ['Judgement', judgementWords(shard)],
    ['Owner', shard.owner ?? 'nobody'],
    ['Lag', lagWords(shard.lagMs)],
    ['Load', loadWords(shard.load)],
    ['Position', shard.checkpoint ?? 'none'],
    ['Checkpointed', <Age at={shard.checkpointedAt} />],
    ['Width', widthWords(shard.width)],
    ['First hash key', <span class="keys">{shard.hashStart}</span>],
    ['Last hash key', <span class="keys">{shard.hashEnd}</span>],
    ['Parents', shard.parents.length > 0 ? linked(shard.parents) : 'none'],
    ['Children', children.length > 0 ? linked(children.map(({ id }) => id)) : 'none'],
  ];
  return (
    <section class="panel" aria-label={`Shard ${shard.id}`}>
      <div class="panel-head">
        <h3>{shard.id}</h3>
        <Link class="close" to={{ ...route, shard: undefined }}>
          Close
        </Link>
      </div>
      <Facts facts={facts} />
      {series ? (
        <Charts series={series} />
      ) : (
        <p class="muted">
          {series === undefined
            ? 'Its last hour is asked for …'
            : 'Of its last hour nothing is kept: it is read to its end, or there are too many shards.'}
        </p>
      )}
    </section>
  );
}

/** Asked for when it is looked at: nobody else needs it. Undefined = not known yet, null = nothing is kept. */
function useSeries(group: string, shardId: string): Series | null | undefined {
  const [series, setSeries] = useState<{ of: string; series: Series | null }>();
  useEffect(() => {
    const stop = new AbortController();
    const ask = async () => {
      const url = `/api/groups/${group.split('/').map(encodeURIComponent).join('/')}/shards/${encodeURIComponent(shardId)}`;
      while (!stop.signal.aborted) {
        const answer = await answerOf(url, stop.signal).catch(() => undefined);
        if (answer !== undefined && !stop.signal.aborted) setSeries({ of: shardId, series: answer });
        await systemClock.sleep(FRESH_MS, { signal: stop.signal });
      }
    };
    void ask();
    return () => stop.abort();
  }, [group, shardId]);
  return series?.of === shardId ? series.series : undefined;
}

async function answerOf(url: string, signal: AbortSignal): Promise<Series | null | undefined> {
  const answer = await fetch(url, { signal });
  return answer.ok ? ((await answer.json()) as Series | null) : undefined;
}
