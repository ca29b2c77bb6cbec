import { systemClock } from '../../lib/clock.ts';
import { keepPlace } from './kept-place.ts';
import { planRenewal, type Renewal } from './plan-renewal.ts';

/** Of this page; the bundler knows it. */
declare const PAGE_VERSION: string;

/** When this tab has loaded itself anew, wall clock: it outlives that. */
const RELOADED = 'kcg.reloaded';

/** What somebody does who is at the page. */
export const INPUTS = ['keydown', 'pointerdown', 'wheel', 'touchmove'] as const;

let inputMs = -Infinity;
for (const type of INPUTS) {
  const note = () => void (inputMs = systemClock.monotonic());
  addEventListener(type, note, { capture: true, passive: true });
}

/** The page of another version, once a server of one answers. */
export class PageRenewal {
  #theirs = PAGE_VERSION;
  #refusedMs = -Infinity;
  #isLoading = false;

  /** @param version of the page that whoever answers would serve */
  hear(version: string): void {
    this.#theirs = version;
  }

  plan(): Renewal {
    if (this.#isLoading) return 'load';
    const nowMs = systemClock.monotonic();
    return planRenewal({
      isOther: this.#theirs !== PAGE_VERSION,
      sinceReloadMs: sinceReload(),
      sinceRefusalMs: nowMs - this.#refusedMs,
      sinceInputMs: nowMs - inputMs,
    });
  }

  /** Loads it, if it is still what is served: a tab that finds nobody would not come back by itself. */
  async load(signal: AbortSignal): Promise<void> {
    if (this.#isLoading) return;
    this.#isLoading = true;
    const served = await versionServed(signal).catch(() => undefined);
    if (signal.aborted) return;
    if (served === this.#theirs) {
      sessionStorage.setItem(RELOADED, String(systemClock.now()));
      return reloadHere();
    }
    this.#refusedMs = systemClock.monotonic();
    this.#isLoading = false;
  }
}

/** Loads the page anew, and leads back to where one was in it. */
export function reloadHere(): void {
  keepPlace();
  location.reload();
}

async function versionServed(signal: AbortSignal): Promise<string | undefined> {
  const answer = await fetch('/version', { signal, cache: 'no-store' });
  return answer.ok ? answer.text() : undefined;
}

/** ms; as if just now where a browser keeps nothing for the page, which could not know that it has. */
function sinceReload(): number | undefined {
  try {
    const at = sessionStorage.getItem(RELOADED);
    return at === null ? undefined : systemClock.now() - Number(at);
  } catch {
    return 0;
  }
}
