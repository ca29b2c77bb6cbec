import { metricText } from './metric-text.ts';

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
    const { name, description: help, sum, gauge, histogram } = metric;
    if (sum && !(sum.isMonotonic && sum.aggregationTemporality === CUMULATIVE))
      throw new Error(`${name} is no counter`);
    if (histogram && histogram.aggregationTemporality !== CUMULATIVE)
      throw new Error(`${name} is of a part of the time`);
    if (histogram)
      return metricText({
        name,
        help,
        type: 'histogram',
        points: histogram.dataPoints.map((point) => ({
          labels: labelsOf(point),
          value: {
            bounds: point.explicitBounds,
            counts: point.bucketCounts.map(Number),
            sum: point.sum,
            count: Number(point.count ?? 0),
          },
        })),
      });
    const { dataPoints } = (sum ?? gauge)!;
    const points = dataPoints.map((point) => ({ labels: labelsOf(point), value: point.asDouble ?? 0 }));
    return metricText({ name, help, type: sum ? 'counter' : 'gauge', points });
  });
}

function labelsOf({ attributes = [] }: Point): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue]));
}
