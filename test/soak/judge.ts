import type { ProcessSize } from './process-size.ts';
import type { SoakResult } from './run-soak.ts';

export interface Row {
  what: string;
  figure: string;
  /** What must hold; undefined: nothing is asked. */
  bound?: string;
  isBroken?: boolean;
}

/**
 * What a worker at rest may have more at the end than in the middle. A worker breathes as V8 pleases, and reads more shards or fewer:
 * what a soak of four minutes notices is a leak of a third of a MB a second, one of an hour 22 KB.
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
    ...fleet.elders.flatMap(({ name, reads, rests }) => [
      grown(`${name} (${reads}) memory`, rests, ({ ownBytes }) => ownBytes / 2 ** 20, [
        MOST_GROWTH.megabytes,
        ' MB',
      ]),
      grown(`${name} (${reads}) descriptors`, rests, ({ descriptors }) => descriptors, [
        MOST_GROWTH.descriptors,
        '',
      ]),
    ]),
  ];
}

function grown(
  what: string,
  [middle, end]: readonly ProcessSize[],
  valueOf: (size: ProcessSize) => number,
  [bound, unit]: [number, string],
): Row {
  if (!middle || !end) return { what, figure: 'not measured', bound: 'Linux, two rests', isBroken: true };
  const by = valueOf(end) - valueOf(middle);
  const sign = by < 0 ? '' : '+';
  return {
    what,
    figure: `${valueOf(end).toFixed(0)}${unit} at rest (${sign}${by.toFixed(1)} since the middle)`,
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
