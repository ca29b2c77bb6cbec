import { ValueType, type Attributes, type HrTime } from '@opentelemetry/api';
import {
  AggregationTemporality,
  DataPointType,
  type DataPoint,
  type Histogram,
  type MetricData,
} from '@opentelemetry/sdk-metrics';
import type { MetricObjectWithValues, MetricValue } from 'prom-client';

/*
 * The metrics of a registry as OpenTelemetry has them: under the same names, with the same labels, values and words. Counters
 * and histograms are cumulative since the process began, as /metrics has them.
 */

export interface MetricTimes {
  /** When all counters were 0, ms since the epoch. */
  startMs: number;
  nowMs: number;
}

/** A histogram's values carry names, `…_bucket`, `…_sum` and `…_count`, which the type does not say. */
type Value = MetricValue<string> & { metricName?: string };
export type RegistryMetric = MetricObjectWithValues<Value>;

/** Metrics without any series are left out. */
export function metricData(metrics: readonly RegistryMetric[], times: MetricTimes): MetricData[] {
  return metrics.filter(({ values }) => values.length > 0).map((metric) => dataOf(metric, times));
}

function dataOf(metric: RegistryMetric, { startMs, nowMs }: MetricTimes): MetricData {
  const { name, help, values } = metric;
  const startTime = hrTime(startMs);
  const endTime = hrTime(nowMs);
  const point = <T>(attributes: Attributes, value: T): DataPoint<T> => ({
    startTime,
    endTime,
    attributes,
    value,
  });
  const base = {
    descriptor: { name, description: help, unit: unitOf(name), valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  const numbers = () => values.map(({ labels, value }) => point<number>({ ...labels }, value));
  switch (String(metric.type)) {
    case 'histogram': {
      const dataPoints = histograms(name, values).map(([labels, value]) => point(labels, value));
      return { ...base, dataPointType: DataPointType.HISTOGRAM, dataPoints };
    }
    case 'counter':
      return { ...base, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints: numbers() };
    default:
      return { ...base, dataPointType: DataPointType.GAUGE, dataPoints: numbers() };
  }
}

/** As the name says it, so that a collector that adds units to names changes none. */
function unitOf(name: string): string {
  if (/_seconds(_total)?$/.test(name)) return 's';
  return /_bytes(_total)?$/.test(name) ? 'By' : '';
}

/** One for each set of labels, with the counts of each bucket by itself: Prometheus adds up those below. */
function histograms(name: string, values: readonly Value[]): [Attributes, Histogram][] {
  const series = Map.groupBy(values, ({ labels }) => {
    const { le: _, ...others } = labels;
    return JSON.stringify(others);
  });
  return [...series.values()].map((each) => {
    const { le: _, ...labels } = each[0]!.labels;
    const buckets = each
      .filter(({ metricName }) => metricName === `${name}_bucket`)
      .map(({ labels, value }) => ({
        bound: labels['le'] === '+Inf' ? Infinity : Number(labels['le']),
        value,
      }))
      .toSorted((a, b) => a.bound - b.bound);
    const valueNamed = (suffix: string) =>
      each.find(({ metricName }) => metricName === `${name}_${suffix}`)?.value ?? 0;
    const histogram: Histogram = {
      buckets: {
        boundaries: buckets.map(({ bound }) => bound).filter(Number.isFinite),
        counts: buckets.map(({ value }, i) => value - (buckets[i - 1]?.value ?? 0)),
      },
      sum: valueNamed('sum'),
      count: valueNamed('count'),
    };
    return [labels, histogram];
  });
}

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}
