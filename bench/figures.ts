/** With fewer values the one that 99 % do not exceed is the greatest. */
const VALUES_FOR_P99 = 100;

/** Least, middle and greatest of what was measured, as a person reads it; of 100 values on the 99th percentile, too. */
export function spread(values: readonly number[], unit = 's', digits = 2): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number) => (sorted[Math.max(0, index)] ?? NaN).toFixed(digits);
  const count = sorted.length;
  const p99 = count < VALUES_FOR_P99 ? '' : `  p99 ${at(Math.ceil(0.99 * count) - 1)}`;
  return `min ${at(0)}  median ${at(Math.floor(count / 2))}${p99}  max ${at(count - 1)} ${unit}  (${count} runs)`;
}
