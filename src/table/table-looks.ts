import type { Clock } from '../lib/clock.ts';
import type { ObservedTable, TableAdmin, TableItself, TableSides, TableStep } from './table-admin.ts';

type DescribeOptions = NonNullable<Parameters<TableAdmin['describe']>[0]>;
type ApplyOptions = Parameters<TableAdmin['apply']>[1];
type Outcome = Awaited<ReturnType<TableAdmin['apply']>>;

/** How long what a table does not tell of itself is taken as it was read last, ms: one read serves all groups of a table. */
const SIDES_SERVE_MS = 60_000;
/** How long the answer of one group serves the others, ms; of a table that is being made, for the look that comes right after. */
const ANSWER_SERVES_MS: Partial<Record<ObservedTable['status'], number>> = { ACTIVE: 2_000, CREATING: 200 };
/** Tables of which something is remembered, before those that nobody asks for are forgotten. */
const REMEMBERED = 1_000;

/** Changes of what a table tells of itself. */
const OF_ITSELF: ReadonlySet<TableStep['do']> = new Set([
  'set billing',
  'set deletion protection',
  'set encryption',
  'set table class',
]);
/** Steps that are the same for whoever uses the table. */
const FOR_ALL: ReadonlySet<TableStep['do']> = new Set(['create', 'enable ttl', 'disable ttl']);

interface Known {
  admin: TableAdmin;
  /** The last answer, until something is changed. */
  answer: { observed: ObservedTable; atMs: number } | undefined;
  sides: (TableSides & { atMs: number }) | undefined;
  /** Somebody asks; the others wait for the same answer. */
  asking: Promise<ObservedTable | undefined> | undefined;
  /** Steps for all that somebody is taking. */
  taking: Map<TableStep['do'], Promise<Outcome>>;
  /** Counts what makes an answer that is under way an old one. */
  changes: number;
  keySchema: string | undefined;
  /** The tags that it was made with, while it is not known that tables of its place keep them. */
  given: TableSides['tags'] | undefined;
  usedMs: number;
}

/**
 * What is known of tables, for all groups that use them: time to live, tags and backups cost a call each, of which an account
 * has few a second. A table that was just made is as it was asked for; whether tags are kept is read once for each place,
 * since emulators may drop them. All of it can be lost, and costs calls.
 */
export class TableLooks {
  readonly #clock: Clock;
  readonly #tables = new Map<string, Known>();
  /** Regions and endpoints whose new tables have shown the tags they were made with. */
  readonly #keepTags = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The key of a table as it was described last; undefined = not known. */
  keySchemaOf(table: string): string | undefined {
    return this.#tables.get(table)?.keySchema;
  }

  /**
   * The admin of a table, with what is known of it.
   * @param table names it, with its place
   * @param place region or endpoint
   */
  of({ table, place }: { table: string; place: string }, open: () => TableAdmin): TableAdmin {
    const known = this.#known(table, open);
    return {
      describe: (options = {}) => this.#describe(known, place, options),
      apply: async (step, options) => {
        const others = known.taking.get(step.do);
        if (others) return (await others) === 'done' ? 'raced' : others;
        const outcome = this.#apply({ known, place }, step, options);
        if (!FOR_ALL.has(step.do)) return outcome;
        known.taking.set(step.do, outcome);
        return outcome.finally(() => known.taking.delete(step.do));
      },
    };
  }

  async #apply(
    { known, place }: { known: Known; place: string },
    step: TableStep,
    options: ApplyOptions,
  ): Promise<Outcome> {
    const { answer } = known;
    let made: TableItself | undefined;
    try {
      const outcome = await known.admin.apply(step, { ...options, onMade: (table) => (made = table) });
      outdate(known);
      const isSure = outcome === 'done' && this.#keepTags.has(place);
      this.#learn(known, step, { isSure, answer, made });
      if (outcome === 'done' && step.do === 'create') known.given = step.table.tags;
      return outcome;
    } catch (thrown) {
      outdate(known);
      known.sides = undefined;
      throw thrown;
    }
  }

  async #describe(known: Known, place: string, options: DescribeOptions): Promise<ObservedTable | undefined> {
    if (options.anew) {
      outdate(known);
      known.sides = undefined;
    }
    const { answer, admin } = known;
    if (options.sides) {
      const observed = await admin.describe(options);
      known.keySchema = observed?.keySchema;
      return observed;
    }
    const nowMs = this.#clock.monotonic();
    const servesMs = ANSWER_SERVES_MS[answer?.observed.status ?? 'OTHER'] ?? 0;
    if (answer && nowMs - answer.atMs < servesMs) return answer.observed;
    return (known.asking ??= this.#ask(known, place, options));
  }

  async #ask(known: Known, place: string, options: DescribeOptions): Promise<ObservedTable | undefined> {
    const nowMs = this.#clock.monotonic();
    const sides = known.sides && nowMs - known.sides.atMs < SIDES_SERVE_MS ? known.sides : undefined;
    const { changes } = known;
    try {
      const observed = await known.admin.describe({ ...options, sides });
      if (changes === known.changes) this.#take(known, observed, { place, isWhole: sides === undefined });
      return observed;
    } finally {
      if (changes === known.changes) known.asking = undefined;
    }
  }

  #take(
    known: Known,
    observed: ObservedTable | undefined,
    { place, isWhole }: { place: string; isWhole: boolean },
  ): void {
    const atMs = this.#clock.monotonic();
    known.keySchema = observed?.keySchema;
    if (!observed) known.sides = undefined;
    // What could not be read is asked for again.
    if (!observed || observed.unread) return;
    known.answer = { observed, atMs };
    if (!isWhole) return;
    const { tags, ttlAttribute, isTtlEnding, pointInTimeRecovery } = observed;
    const { given } = known;
    const isTold = given !== undefined && Object.entries(given).every(([key, value]) => tags[key] === value);
    if (isTold) this.#keepTags.add(place);
    known.given = undefined;
    // One that is new may not show its tags yet.
    if (isTold || observed.status === 'ACTIVE' || observed.status === 'UPDATING')
      known.sides = { tags, ttlAttribute, isTtlEnding, pointInTimeRecovery, atMs };
  }

  /** What a step that was done has made of it, and of the last `answer`; else it is read anew. */
  #learn(
    known: Known,
    step: TableStep,
    { isSure, answer, made }: Pick<Known, 'answer'> & { isSure: boolean; made: TableItself | undefined },
  ): void {
    const atMs = this.#clock.monotonic();
    if (isSure && step.do === 'create') {
      const sides = { tags: step.table.tags, ttlAttribute: '', pointInTimeRecovery: false };
      known.sides = { ...sides, atMs };
      if (!made) return;
      known.answer = { observed: { ...made, ...sides }, atMs };
      known.keySchema = made.keySchema;
    } else if (isSure && step.do === 'enable ttl' && known.sides) {
      const ttl = { ttlAttribute: step.attribute };
      known.sides = { ...known.sides, ...ttl };
      known.answer = answer && { ...answer, observed: { ...answer.observed, ...ttl } };
    } else if (!OF_ITSELF.has(step.do)) known.sides = undefined;
  }

  #known(table: string, open: () => TableAdmin): Known {
    const usedMs = this.#clock.monotonic();
    const known = this.#tables.get(table);
    if (known) {
      known.usedMs = usedMs;
      return known;
    }
    if (this.#tables.size >= REMEMBERED) this.#forgetOld(usedMs);
    const nothing = {
      answer: undefined,
      sides: undefined,
      asking: undefined,
      changes: 0,
      keySchema: undefined,
    };
    const fresh = { admin: open(), ...nothing, taking: new Map(), given: undefined, usedMs };
    this.#tables.set(table, fresh);
    return fresh;
  }

  #forgetOld(nowMs: number): void {
    for (const [table, { usedMs }] of this.#tables)
      if (nowMs - usedMs > SIDES_SERVE_MS) this.#tables.delete(table);
  }
}

function outdate(known: Known): void {
  known.changes += 1;
  known.answer = known.asking = undefined;
}
