import { systemClock } from '../../lib/clock.ts';

/*
 * Where somebody is in a page, over its loading itself anew: what the address does not say. Everything goes by its name, since the next
 * page may be built in another way.
 */

interface Place {
  url: string;
  /** The heading above what is seen, and where its top is, CSS pixels; without one, how far the window is scrolled. */
  heading: { id: string; top: number } | undefined;
  top: number;
  /** Boxes that scroll by themselves. */
  boxes: { name: string; left: number; top: number }[];
  /** Details that are open. */
  open: string[];
  focus: string | undefined;
  /** In a field: from where to where. */
  selection: [from: number, to: number] | undefined;
}

const PLACE = 'kcg.place';
const BOXES = '.table-box';
const FOCUSABLE = 'a[href], button, input, summary, [tabindex]';
const TRY_MS = 50;
const TRIES = 200;

/** Where a browser keeps nothing for the page, the place is lost. */
export function keepPlace(): void {
  const { activeElement } = document;
  const headings = [...document.querySelectorAll('h2[id]')].map(({ id }) => ({ id, top: topOf(id)! }));
  const place: Place = {
    url: location.href,
    heading: headings.findLast(({ top }) => top < 1),
    top: scrollY,
    boxes: all(BOXES)
      .filter(({ scrollTop, scrollLeft }) => scrollTop > 0 || scrollLeft > 0)
      .map((box) => ({ name: nameOf(box, BOXES), left: box.scrollLeft, top: box.scrollTop })),
    open: all('details[open] > summary').map((summary) => nameOf(summary, 'summary')),
    focus: activeElement?.matches(FOCUSABLE) ? nameOf(activeElement, FOCUSABLE) : undefined,
    selection: selectionOf(activeElement),
  };
  try {
    sessionStorage.setItem(PLACE, JSON.stringify(place));
  } catch {
    return;
  }
  // Otherwise the browser puts the window where it was before there is anything in it.
  history.scrollRestoration = 'manual';
}

/** Once there is something to see: leads back to the place that was kept, until that is reached or somebody does something. */
export async function restorePlace(inputs: readonly string[]): Promise<void> {
  const place = takePlace();
  if (place?.url !== location.href) return;
  const stop = new AbortController();
  const { signal } = stop;
  for (const type of inputs)
    addEventListener(type, () => stop.abort(), { capture: true, passive: true, signal });
  for (let tries = 0; !signal.aborted && tries < TRIES && !isReached(place);) {
    // What is not seen is not laid out.
    if (!document.hidden) tries += 1;
    await systemClock.sleep(TRY_MS, { signal });
  }
  stop.abort();
}

function takePlace(): Place | undefined {
  try {
    const kept = sessionStorage.getItem(PLACE);
    if (kept === null) return undefined;
    sessionStorage.removeItem(PLACE);
    history.scrollRestoration = 'auto';
    return JSON.parse(kept) as Place;
  } catch {
    return undefined;
  }
}

/** Goes as near as it can. */
function isReached({ heading, top, boxes, open, focus, selection }: Place): boolean {
  for (const name of open) {
    const summary = named(name, 'summary');
    if (summary) (summary.parentElement as HTMLDetailsElement).open = true;
  }
  const scrolled = boxes.map(({ name, left, top }) => {
    const box = named(name, BOXES);
    box?.scrollTo({ left, top, behavior: 'instant' });
    return box !== undefined && Math.abs(box.scrollTop - top) < 1;
  });
  const now = heading && topOf(heading.id);
  const wanted = heading && now !== undefined ? scrollY + now - heading.top : top;
  scrollTo({ top: wanted, behavior: 'instant' });
  return focusOn(focus, selection) && scrolled.every(Boolean) && Math.abs(scrollY - wanted) < 1;
}

function focusOn(focus: string | undefined, selection: Place['selection']): boolean {
  if (focus === undefined) return true;
  const element = named(focus, FOCUSABLE);
  if (!element) return false;
  if (document.activeElement === element) return true;
  element.focus({ preventScroll: true });
  if (selection && element instanceof HTMLInputElement) element.setSelectionRange(...selection);
  return true;
}

function selectionOf(element: Element | null): Place['selection'] {
  if (!(element instanceof HTMLInputElement)) return undefined;
  const { selectionStart: from, selectionEnd: to } = element;
  return from === null || to === null ? undefined : [from, to];
}

const all = (selector: string) => [...document.querySelectorAll<HTMLElement>(selector)];

const topOf = (id: string) => document.getElementById(id)?.getBoundingClientRect().top;

/** What it is called, and which of those it is that are called so. */
function nameOf(element: Element, selector: string): string {
  const name = called(element);
  const same = all(selector).filter((each) => called(each) === name);
  return `${same.indexOf(element as HTMLElement)} ${name}`;
}

function named(name: string, selector: string): HTMLElement | undefined {
  const [, index, called_] = /^(\d+) (.*)$/s.exec(name)!;
  return all(selector).filter((each) => called(each) === called_)[Number(index)];
}

function called(element: Element): string {
  const [id, href, label, type] = ['id', 'href', 'aria-label', 'type'].map((name) =>
    element.getAttribute(name),
  );
  return `${element.tagName} ${id || href || label || element.textContent || type}`;
}
