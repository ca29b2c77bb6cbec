export interface Sample {
  atMs: number;
  value: number;
}

/** Parts of the second half, of each of which the least value counts: what remains when garbage is collected. */
const PARTS = 12;

/**
 * By how much a value has grown over the second half of the samples, by the median of the slopes between any two
 * parts: one part that is high or low changes nothing. Undefined with too few samples to say.
 */
export function growthOf(samples: readonly Sample[]): number | undefined {
  const [first, last] = [samples[0], samples.at(-1)];
  if (!first || !last) return undefined;
  const fromMs = (first.atMs + last.atMs) / 2;
  const partMs = (last.atMs - fromMs) / PARTS;
  const least: Sample[] = [];
  for (let part = 0; part < PARTS; part += 1) {
    const beginMs = fromMs + part * partMs;
    const values = samples.filter(({ atMs }) => atMs >= beginMs && atMs <= beginMs + partMs);
    if (values.length === 0) return undefined;
    least.push({ atMs: beginMs, value: Math.min(...values.map(({ value }) => value)) });
  }
  const slopes = least.flatMap((a, i) =>
    least.slice(i + 1).map((b) => (b.value - a.value) / (b.atMs - a.atMs)),
  );
  slopes.sort((a, b) => a - b);
  return slopes[Math.floor(slopes.length / 2)]! * (last.atMs - fromMs);
}
