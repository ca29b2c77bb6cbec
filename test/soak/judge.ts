import { growthOf } from './growth.ts';
import type { SoakResult } from './run-soak.ts';

export interface Row {
  what: string;
  figure: string;
  /** What must hold; undefined: nothing is asked. */
  bound?: string;
  isBroken?: boolean;
}

/**
 * What may come on top over the second half. A worker breathes as V8 pleases, and holds up to 14 MB of records for each
 * shard that cannot go on: what a soak of four minutes notices is a leak of a third of a MB a second, one of an hour 22 KB.
 */
const MOST_GROWTH = { megabytes: 40, descriptors: 12 };

/** One row for each thing that is looked at. */
export function judge({ account, fleet, troubles, caughtUpMs }: SoakResult): Row[] {
  const { put, poison, delivered, again, givenUp, missing } = account.figures;
  const must = (what: string, figure: number, bound: number): Row => ({
    what,
    figure: String(figure),
    bound: String(bound),
    isBroken: figure !== bound,
  });
  return [
    { what: 'records put', figure: String(put) },
    { what: 'delivered', figure: `${delivered}, ${again} of them again` },
    must('neither delivered nor given up', missing, 0),
    must('order of a key broken, or the wrong ones given up', account.breaches.length, 0),
    must('poison at the destination', givenUp, poison),
    must('checkpoints or epochs that went back', fleet.parts.watch.breaches.length, 0),
    must('workers that ended otherwise than they were told', fleet.breaches.length, 0),
    { what: 'workers started', figure: String(fleet.started) },
    ...[...troubles].map(([what, times]) => ({ what: `trouble: ${what}`, figure: String(times) })),
    { what: 'caught up after the last trouble', figure: `${(caughtUpMs / 1_000).toFixed(1)} s` },
    ...fleet.elders.flatMap(({ name, reads, resident, descriptors }) => [
      grown(`${name} (${reads}) memory`, resident, 2 ** 20, [MOST_GROWTH.megabytes, 'MB']),
      grown(`${name} (${reads}) descriptors`, descriptors, 1, [MOST_GROWTH.descriptors, '']),
    ]),
  ];
}

function grown(
  what: string,
  samples: Parameters<typeof growthOf>[0],
  scale: number,
  [bound, unit]: [number, string],
): Row {
  const growth = growthOf(samples);
  const last = samples.at(-1);
  if (growth === undefined || !last)
    return { what, figure: 'not measured', bound: 'Linux, a minute', isBroken: true };
  const by = growth / scale;
  const sign = by < 0 ? '' : '+';
  return {
    what,
    figure: `${(last.value / scale).toFixed(0)} ${unit} (${sign}${by.toFixed(1)} in the second half)`,
    bound: `at most +${bound}`,
    isBroken: by > bound,
  };
}

/** What was broken, in words, beside the table. */
export function storyOf({ account, fleet }: SoakResult): string[] {
  const { watch } = fleet.parts;
  const missing = account.missing.length === 0 ? [] : [`missing from: ${account.missing.join(', ')}`];
  return [...missing, ...[...account.breaches, ...fleet.breaches, ...watch.breaches].slice(0, 40)];
}
