/** Least, middle and greatest of what was measured, as a person reads it. */
export function spread(values: readonly number[], unit = 's', digits = 2): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
  const [min, median, max] = [at(0), at(0.5), at(1)].map((value) => value.toFixed(digits));
  return `min ${min}  median ${median}  max ${max} ${unit}  (${values.length} runs)`;
}
