#!/usr/bin/env bash
# A gauge of OpenTelemetry for JavaScript goes on to report a shard that is gone, for ever and with the time of now; and from
# the 2,000th shard on all others are one series, of which each overwrites the one before.
#
# A good guess: what the callback of an observable gauge does not observe any more is not exported any more, as the
# specification says of asynchronous instruments; and each set of attributes is a series, as many as there are.
# Package: npm @opentelemetry/sdk-metrics 3.1.1, cumulative temporality, which is that of OTLP's exporters unless told
# otherwise. Seen: after a reshard the last lag of the closed parent comes with each export, so that an alert on it never
# ends, and a maximum or a sum over shards stays too high until the process ends. Closed shards count to the 2,000, too.
# What overflows has the one attribute otel.metric.overflow: a counter adds up there, a gauge keeps the last one, so the worst
# shard may be none of those shown. Nothing is logged.
# The way out: delta temporality for gauges (the lines below), and a reader with cardinalityLimits: { default: … }.
# Output:
#   before the reshard: parent=900
#   after it: parent=900 left=1 right=2
#   after it, delta: left=1 right=2
#   3,000 shards, the 2,500th behind by 900: 2000 series, the largest 2, overflow 2
#   the same, limit 5,000: 3000 series, the largest 900, overflow none
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PATH=$here/../node_modules/.bin:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --prefix . @opentelemetry/sdk-metrics@3.1.1 @opentelemetry/api@1.10.0
cat > export.mjs <<'JS'
import { diag } from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';

const line = (...words) => console.log('logged:', ...words);
diag.setLogger({ error: line, warn: line, info: line, debug() {}, verbose() {} });

/** What is exported of a gauge with a series a shard, once for each of `looks`: an object of shards and their lag. */
async function exported(looks, temporality, options) {
  const exporter = new InMemoryMetricExporter(temporality);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000, ...options });
  const provider = new MeterProvider({ readers: [reader] });
  let lags;
  provider
    .getMeter('orders')
    .createObservableGauge('lag')
    .addCallback((result) => {
      for (const [shard, lag] of Object.entries(lags)) result.observe(lag, { shard });
    });
  const answers = [];
  for (lags of looks) {
    exporter.reset();
    await provider.forceFlush();
    answers.push(exporter.getMetrics()[0].scopeMetrics[0].metrics[0].dataPoints);
  }
  return answers;
}

const shown = (points) => points.map(({ attributes, value }) => `${attributes.shard}=${value}`).join(' ');
const reshard = [{ parent: 900 }, { left: 1, right: 2 }];
const [before, after] = await exported(reshard, AggregationTemporality.CUMULATIVE);
console.log(`before the reshard: ${shown(before)}`);
console.log(`after it: ${shown(after)}`);
console.log(`after it, delta: ${shown((await exported(reshard, AggregationTemporality.DELTA))[1])}`);

const many = Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`shard-${i}`, i === 2_500 ? 900 : 2]));
for (const [about, options] of [
  ['3,000 shards, the 2,500th behind by 900', {}],
  ['the same, limit 5,000', { cardinalityLimits: { default: 5_000 } }],
]) {
  const [points] = await exported([many], AggregationTemporality.CUMULATIVE, options);
  const overflow = points.find(({ attributes }) => attributes['otel.metric.overflow'])?.value ?? 'none';
  const largest = Math.max(...points.map(({ value }) => value));
  console.log(`${about}: ${points.length} series, the largest ${largest}, overflow ${overflow}`);
}
process.exit();
JS
node export.mjs | tee seen
sed -n '/^# Output/,/^set/s/^#   //p' "$here/$(basename "$0")" | diff seen -
