/** Runs of points, so that a line does not lead over a time in which nobody looked. */
export interface Run {
  points: { index: number; value: number }[];
}

/** @param gap how many values may be missing between two that are joined */
export function runsOf(values: readonly (number | null)[], gap: number): Run[] {
  const runs: Run[] = [];
  for (const [index, value] of values.entries()) {
    if (value === null) continue;
    const run = runs.at(-1);
    if (run && index - run.points.at(-1)!.index <= gap + 1) run.points.push({ index, value });
    else runs.push({ points: [{ index, value }] });
  }
  return runs;
}

/** The least round number that is not less: 1, 2 or 5 times a power of ten. */
export function roundUp(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 5, 10].find((each) => each * power >= value * 0.999999)!;
  return step * power;
}

const ROUND_SECONDS = [
  1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400,
];

/** The least time that is not less and that clocks have a word for, seconds: above a day whole days. */
export function roundUpSeconds(value: number): number {
  return ROUND_SECONDS.find((each) => each >= value) ?? Math.ceil(value / 86_400) * 86_400;
}

/** An SVG path in a box of `count - 1` by `max`, y downwards. A single point is a dot. */
export function pathOf(runs: readonly Run[], max: number): string {
  return runs
    .map(({ points }) => {
      const [first, ...rest] = points.map(({ index, value }) => `${index} ${round(max - value)}`);
      return rest.length === 0 ? `M${first}h0.001` : `M${first}L${rest.join('L')}`;
    })
    .join('');
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
