import type { Page } from '../page-data.ts';

/** What was heard of a page. */
export interface Known {
  page: Page | undefined;
  /** This machine's wall clock, ms: when a sign came last that this is how it is. */
  heardAt: number | undefined;
  /** Add to this machine's wall clock to get the server's, ms. */
  skewMs: number;
}

/** A page of a thousand shards is half a megabyte. */
const MOST = 10;

/** The pages that were open in this tab, so that going back finds them where nobody answers; the latest of them. */
export class KnownPages {
  readonly #known = new Map<string, Known>();

  keep(group: string, { page, heardAt, skewMs }: Known): void {
    this.#known.delete(group);
    this.#known.set(group, { page, heardAt, skewMs });
    if (this.#known.size > MOST) this.#known.delete(this.#known.keys().next().value!);
  }

  of(group: string): Known {
    return this.#known.get(group) ?? { page: undefined, heardAt: undefined, skewMs: 0 };
  }
}
