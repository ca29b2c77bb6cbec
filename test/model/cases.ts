import { PROTOCOL } from './protocol.ts';
import type { Ability, Model } from './world.ts';

/** Writes of worker rows, and of shard rows. */
const OF_WORKERS = new Set(['announce', 'beat', 'fence', 'remove worker']);
const OF_SHARDS = new Set(['put shard', 'take', 'checkpoint', 'give', 'release', 'end shard', 'reset']);

const may = (...abilities: Ability[]): Pick<Model, 'may'> => ({ may: new Set(abilities) });
const late = (names: ReadonlySet<string>, maxLate = 1) => ({ late: names, maxLate });
/** Nothing to read: for the cases in which only the owner matters. */
const EMPTY = [{ records: 0 }];
const SPLIT = [{ records: 1, children: [1, 2] }, { records: 0 }, { records: 0 }];
const MERGE = [{ records: 1, children: [2] }, { records: 1, children: [2] }, { records: 0 }];
const CHILD = [{ records: 1, children: [1] }, { records: 0 }];

/**
 * Clocks that differ as much as the margin of `OwnLease` allows: while the slow one counts 9 ms, the fast one counts 10.
 * Two such steps are the shortest lease that can be half over.
 */
const SMALLEST: Model = {
  protocol: PROTOCOL,
  workers: 2,
  shards: [{ records: 1 }],
  leaseDurationMs: 20,
  speeds: [[9], [10]],
  maxLate: 0,
  late: new Set(),
  staleness: { workers: 0, shards: 0 },
  watchers: [0, 1, 2],
  observesAtOnce: true,
  planned: false,
  synced: false,
  exactBeats: false,
  reduces: true,
  split: new Set(),
  may: new Set(),
};

function aCase(change: Partial<Model>): Model {
  return { ...SMALLEST, ...change };
}

/** Each is explored to its end. Two workers and one shard of one record, unless it says otherwise. */
export const CASES = {
  'leases lapse, workers crash': aCase(may('time', 'crash', 'fence')),
  'leases lapse, clocks waver': aCase({
    ...may('time', 'fence'),
    shards: EMPTY,
    speeds: [
      [9, 10],
      [9, 10],
    ],
  }),
  'leases lapse, answers get lost': aCase({ ...may('time', 'fence', 'lose answers'), shards: EMPTY }),
  'leases lapse, answers take their time': aCase({
    ...may('time', 'fence'),
    shards: EMPTY,
    split: new Set(['announce', 'beat', 'take', 'adopt']),
  }),
  'leases lapse, late hand-overs': aCase({
    ...may('time', 'give', 'lose answers'),
    ...late(OF_SHARDS),
    shards: EMPTY,
    speeds: [[9], [0]],
  }),
  'the operator fences, late writes of workers': aCase({
    ...may('crash', 'operator', 'lose answers'),
    ...late(OF_WORKERS),
    shards: EMPTY,
  }),
  'workers stop, late removals': aCase({
    ...may('stop', 'crash', 'operator'),
    split: new Set(['remove worker']),
    ...late(OF_WORKERS),
    shards: EMPTY,
  }),
  'hand-overs, crashes, lost answers': aCase(
    may('give', 'release', 'checkpoint', 'crash', 'operator', 'lose answers'),
  ),
  'hand-overs, late writes of shards': aCase({
    ...may('give', 'release', 'checkpoint', 'lose answers'),
    ...late(OF_SHARDS),
  }),
  'two records, late checkpoints': aCase({
    ...may('release', 'checkpoint', 'lose answers'),
    ...late(OF_SHARDS),
    shards: [{ records: 2 }],
  }),
  'crashes, late writes of shards': aCase({
    ...may('checkpoint', 'give', 'release', 'crash', 'operator'),
    ...late(OF_SHARDS),
  }),
  'hand-overs, old rows are read': aCase({
    ...may('give', 'crash', 'operator'),
    shards: EMPTY,
    staleness: { workers: 2, shards: 1 },
  }),
  'a split': aCase({ ...may('crash', 'operator'), shards: SPLIT }),
  'a merge': aCase({ ...may('crash', 'operator'), shards: MERGE }),
  'a child, old rows are read': aCase({
    ...may('release'),
    shards: CHILD,
    synced: true,
    staleness: { workers: 0, shards: 1 },
  }),
  'a child, late writes of shards': aCase({
    ...may('checkpoint', 'crash', 'operator'),
    ...late(OF_SHARDS),
    shards: CHILD,
  }),
  'checkpoints are reset': aCase({
    ...may('reset', 'release', 'checkpoint', 'crash', 'operator', 'lose answers'),
    ...late(OF_SHARDS),
    workers: 1,
    speeds: [[0]],
  }),
  'three workers': aCase({ ...may('crash', 'operator'), workers: 3, speeds: [[0], [0], [0]], shards: EMPTY }),
  'as planned, workers stop': aCase({ ...may('give', 'stop', 'crash', 'operator'), planned: true }),
  'a split as planned': aCase({ ...may('give', 'crash', 'operator'), planned: true, shards: SPLIT }),
} satisfies Record<string, Model>;

/** Those that CI explores are in `CI_CASES`; all of them with KCG_MODEL=large. */
export const LARGE_CASES = {
  'leases lapse, old beats are read': aCase({
    ...may('time', 'fence'),
    shards: EMPTY,
    staleness: { workers: 1, shards: 0 },
    observesAtOnce: false,
    watchers: [1],
  }),
  'leases of three steps lapse, workers crash': aCase({
    ...may('time', 'crash', 'fence'),
    leaseDurationMs: 30,
  }),
  'leases lapse, workers crash, answers get lost': aCase(may('time', 'crash', 'fence', 'lose answers')),
  'leases lapse, others are seen at any time': aCase({
    ...may('time', 'crash', 'fence', 'lose answers'),
    observesAtOnce: false,
  }),
  'leases lapse, workers crash, nothing is reduced': aCase({
    ...may('time', 'crash', 'fence'),
    observesAtOnce: false,
    reduces: false,
    shards: EMPTY,
  }),
  'leases lapse, late writes of workers': aCase({
    ...may('time', 'fence', 'lose answers'),
    ...late(OF_WORKERS),
    shards: EMPTY,
  }),
  'leases lapse, late writes of shards': aCase({
    ...may('time', 'fence', 'lose answers'),
    ...late(OF_SHARDS),
    shards: EMPTY,
  }),
  'three workers, leases lapse': aCase({
    ...may('time', 'fence'),
    workers: 3,
    speeds: [[9], [10], [10]],
    watchers: [1, 2],
    shards: EMPTY,
  }),
  'three workers, hand-overs, crashes': aCase({
    ...may('give', 'release', 'checkpoint', 'crash', 'operator'),
    workers: 3,
    speeds: [[0], [0], [0]],
  }),
  'two shards, hand-overs, crashes': aCase({
    ...may('give', 'release', 'checkpoint', 'crash', 'operator'),
    shards: [{ records: 1 }, { records: 1 }],
  }),
  'two late hand-overs at once': aCase({
    ...may('give', 'release', 'lose answers'),
    ...late(OF_SHARDS, 2),
    shards: EMPTY,
  }),
  'two late writes at once': aCase({
    ...may('give', 'release', 'checkpoint', 'crash', 'operator', 'lose answers'),
    ...late(OF_SHARDS, 2),
  }),
  'a split and a merge after it': aCase({
    ...may('crash', 'operator'),
    shards: [
      { records: 1, children: [1, 2] },
      { records: 0, children: [3] },
      { records: 0, children: [3] },
      { records: 0 },
    ],
  }),
  'a merge, late writes of shards': aCase({
    ...may('checkpoint', 'crash', 'operator', 'lose answers'),
    ...late(OF_SHARDS),
    shards: MERGE,
  }),
} satisfies Record<string, Model>;

/** Each takes seconds: explored where long tests run. What they have that the others leave out, mutations of the quick ones notice. */
export const SLOW_CASES: ReadonlySet<string> = new Set<keyof typeof CASES>([
  'leases lapse, answers get lost',
  'leases lapse, late hand-overs',
  'the operator fences, late writes of workers',
  'hand-overs, old rows are read',
  'hand-overs, late writes of shards',
  'two records, late checkpoints',
]);

export type LargeCaseName = keyof typeof LARGE_CASES;
export type CaseName = keyof typeof CASES | LargeCaseName;

/** What the small ones leave out and a minute or two of one core can find out; `docs/lease-proof.md` has what each costs. */
export const CI_CASES: ReadonlySet<LargeCaseName> = new Set([
  'leases lapse, old beats are read',
  'leases of three steps lapse, workers crash',
  'three workers, hand-overs, crashes',
  'two shards, hand-overs, crashes',
  'two late hand-overs at once',
  'a split and a merge after it',
]);

export const ALL_CASES: Readonly<Record<CaseName, Model>> = { ...CASES, ...LARGE_CASES };
