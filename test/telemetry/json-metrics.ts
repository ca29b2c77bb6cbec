/** What OTLP as JSON tells of a metric: 64-bit integers are texts there. */
export interface JsonMetric {
  name: string;
  description: string;
  unit?: string;
  sum?: { dataPoints: NumberPoint[]; aggregationTemporality: number; isMonotonic: boolean };
  gauge?: { dataPoints: NumberPoint[] };
  histogram?: { dataPoints: HistogramPoint[]; aggregationTemporality: number };
}

interface Point {
  attributes?: { key: string; value: { stringValue?: string } }[];
  startTimeUnixNano: string;
  timeUnixNano: string;
}
type NumberPoint = Point & { asDouble?: number };
type HistogramPoint = Point & {
  /** Absent: 0. */
  count?: string;
  sum: number;
  bucketCounts: string[];
  explicitBounds: number[];
};

const CUMULATIVE = 2;

/** The lines that /metrics would have for them. @throws when a counter or a histogram is none that only grows */
export function metricsAsText(metrics: readonly JsonMetric[]): string[] {
  return metrics.flatMap((metric) => {
    const { name, description, sum, gauge, histogram } = metric;
    if (sum && !(sum.isMonotonic && sum.aggregationTemporality === CUMULATIVE))
      throw new Error(`${name} is no counter`);
    if (histogram && histogram.aggregationTemporality !== CUMULATIVE)
      throw new Error(`${name} is of a part of the time`);
    const type = sum ? 'counter' : histogram ? 'histogram' : 'gauge';
    const numbers = sum ?? gauge;
    const series = numbers
      ? numbers.dataPoints.map((point) => line(name, point, point.asDouble ?? 0))
      : histogram!.dataPoints.flatMap((point) => histogramLines(name, point));
    return [`# HELP ${name} ${description}`, `# TYPE ${name} ${type}`, ...series];
  });
}

function histogramLines(name: string, point: HistogramPoint): string[] {
  let below = 0;
  const buckets = point.bucketCounts.map((count, i) => {
    below += Number(count);
    return line(`${name}_bucket`, point, below, { le: String(point.explicitBounds[i] ?? '+Inf') });
  });
  return [
    ...buckets,
    line(`${name}_sum`, point, point.sum),
    line(`${name}_count`, point, Number(point.count ?? 0)),
  ];
}

function line(
  name: string,
  { attributes = [] }: Point,
  value: number,
  more: Record<string, string> = {},
): string {
  const labels = {
    ...more,
    ...Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue])),
  };
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
  return `${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}`;
}
