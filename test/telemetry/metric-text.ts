/** A metric as it was sent, in the words of what it is served as. */
export interface SentMetric {
  name: string;
  help: string;
  type: 'counter' | 'gauge' | 'histogram';
  points: readonly { labels: Readonly<Record<string, unknown>>; value: number | SentHistogram }[];
}

export interface SentHistogram {
  bounds: readonly number[];
  /** Of each bucket by itself; one more than bounds. */
  counts: readonly number[];
  sum: number;
  count: number;
}

/** The lines that /metrics would have for it. */
export function metricText({ name, help, type, points }: SentMetric): string[] {
  const line = (suffix: string, labels: object, value: number) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
    return `${name}${suffix}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}`;
  };
  const series = points.flatMap(({ labels, value }) => {
    if (typeof value === 'number') return [line('', labels, value)];
    let below = 0;
    const buckets = value.counts.map((each, i) => {
      below += each;
      return line('_bucket', { le: value.bounds[i] ?? '+Inf', ...labels }, below);
    });
    return [...buckets, line('_sum', labels, value.sum), line('_count', labels, value.count)];
  });
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...series];
}
