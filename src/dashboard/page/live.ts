import { systemClock } from '../../lib/clock.ts';
import type { FeedMessage } from '../feeds.ts';
import { applyChange } from '../page-change.ts';
import type { Page } from '../page-data.ts';
import { KnownPages, type Known } from './known-pages.ts';
import { PageRenewal } from './renewal.ts';

/** What a page has heard. */
export interface Live extends Known {
  isConnected: boolean;
  /** This machine's wall clock, ms: since when nothing was heard; undefined = it is connected, or never was. */
  lostAt: number | undefined;
  /** Who answers would serve another version of this page, which it does not load by itself now. */
  isOther: boolean;
}

const known = new KnownPages();

/** Before anything is heard: what was known of that page when it was open last. `lostAt`: where the one before is not connected. */
export function begin(group: string, lostAt: number | undefined): Live {
  return { ...known.of(group), isConnected: false, lostAt, isOther: false };
}

/** A beat comes every five seconds. */
const SILENCE_MS = 16_000;
const RETRY_MS = 2_000;
const WATCH_MS = 1_000;

/**
 * Follows one page until `signal` aborts, over lost connections, and tells each change, beginning with `from`. Loads the whole anew
 * when it is of another version.
 */
export function follow(
  group: string,
  from: Live,
  { tell, signal }: { tell: (live: Live) => void; signal: AbortSignal },
): void {
  let live = from;
  let heardMs = systemClock.monotonic();
  let source: EventSource | undefined;
  let isRenewing = false;
  const renewal = new PageRenewal();
  const say = (next: Partial<Live>) => {
    live = { ...live, ...next };
    tell(live);
  };
  const lose = () => {
    if (live.isConnected || live.lostAt === undefined) say({ isConnected: false, lostAt: systemClock.now() });
  };
  const connect = () => {
    source?.close();
    source = new EventSource(`/api/watch?group=${encodeURIComponent(group)}`);
    heardMs = systemClock.monotonic();
    source.addEventListener('version', ({ data }: MessageEvent<string>) => {
      renewal.hear(data);
      void renew();
    });
    source.addEventListener('message', ({ data }: MessageEvent<string>) => {
      heardMs = systemClock.monotonic();
      const message = JSON.parse(data) as FeedMessage;
      const heardAt = systemClock.now();
      const heard = { page: pageAfter(live.page, message), heardAt, skewMs: message.now - heardAt };
      known.keep(group, heard);
      // A beat that changes nothing draws nothing.
      if (message.type === 'beat' && live.isConnected) live = { ...live, ...heard };
      else say({ ...heard, isConnected: true, lostAt: undefined });
    });
    source.addEventListener('error', lose);
  };
  // Comes before all else, which this page may not know how to show: nothing more is heard until it is anew.
  const renew = async () => {
    const plan = renewal.plan();
    const isOther = plan === 'tell' || (plan !== 'none' && live.isOther);
    if (live.isOther !== isOther) say({ isOther });
    const wasRenewing = isRenewing;
    isRenewing = plan === 'wait' || plan === 'load';
    if (isRenewing) source?.close();
    else if (wasRenewing) connect();
    if (plan === 'load') await renewal.load(signal);
  };
  const watch = async () => {
    let triedMs = systemClock.monotonic();
    while (!signal.aborted) {
      await systemClock.sleep(WATCH_MS, { signal });
      if (signal.aborted) break;
      await renew();
      if (isRenewing) continue;
      const nowMs = systemClock.monotonic();
      const isSilent = nowMs - heardMs > SILENCE_MS;
      if (isSilent) lose();
      // A browser gives up for good on an answer other than 200.
      const isOver = source?.readyState === EventSource.CLOSED || isSilent;
      if (isOver && nowMs - triedMs >= RETRY_MS) {
        triedMs = nowMs;
        connect();
      }
    }
    source?.close();
  };
  connect();
  void watch();
}

function pageAfter(page: Page | undefined, message: FeedMessage): Page | undefined {
  if (message.type === 'page') return message.page;
  return message.type === 'change' && page ? applyChange(page, message.change) : page;
}
