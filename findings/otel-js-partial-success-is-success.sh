#!/usr/bin/env bash
# An exporter of OpenTelemetry for JavaScript calls it success when the collector has rejected part of what it sent, or
# all of it: neither the result nor the provider's forceFlush says so.
#
# A good guess: `partial_success` of the answer, with its count of rejected points and its words, reaches the export's
# result (failed, or an error that names the count), the global error handler, or a line on standard error.
# Packages: npm @opentelemetry/exporter-metrics-otlp-http 0.301.0, @opentelemetry/sdk-metrics 3.1.0,
# @opentelemetry/api 1.10.0. Seen: a collector that answers 200 and rejects every point gives result code 0 (SUCCESS)
# without an error, forceFlush resolves, nothing is printed; the count and the words go to the diagnostic logger as a
# warning, and to nobody as long as the program has set none.
# So a program that wants to know what is rejected sets a logger with diag.setLogger, for the whole process, or reads
# the collector's answer itself.
# Output:
#   without a logger: code 0, error undefined, flushed, logged 0
#   with a logger: code 0, error undefined, flushed, logged 1, names the count and the words: true
set -euo pipefail
PATH=$(cd "$(dirname "$0")/.." && pwd)/node_modules/.bin:$PATH
unset OTEL_EXPORTER_OTLP_ENDPOINT OTEL_EXPORTER_OTLP_METRICS_ENDPOINT OTEL_LOG_LEVEL
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --prefix . @opentelemetry/exporter-metrics-otlp-http@0.301.0 \
  @opentelemetry/sdk-metrics@3.1.0 @opentelemetry/api@1.10.0

cat > export.mjs <<'JS'
import { createServer } from 'node:http';
import { diag, DiagLogLevel } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';

const WORDS = 'points of this kind are not taken';
const collector = createServer((request, response) => {
  request.resume();
  const answer = { partialSuccess: { rejectedDataPoints: 1, errorMessage: WORDS } };
  request.on('end', () => response.setHeader('content-type', 'application/json').end(JSON.stringify(answer)));
});
await new Promise((resolve) => collector.listen(0, '127.0.0.1', resolve));

async function exportOne() {
  const exporter = new OTLPMetricExporter({ url: `http://127.0.0.1:${collector.address().port}/v1/metrics` });
  let result;
  const send = exporter.export.bind(exporter);
  exporter.export = (metrics, done) =>
    send(metrics, (given) => {
      result = given;
      done(given);
    });
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 60_000 });
  const provider = new MeterProvider({ readers: [reader] });
  provider.getMeter('orders').createCounter('orders').add(1);
  const flushed = await provider.forceFlush().then(() => 'flushed', (error) => `not flushed: ${error}`);
  return `code ${result.code}, error ${result.error}, ${flushed}`;
}

const lines = [];
console.log(`without a logger: ${await exportOne()}, logged ${lines.length}`);
const line = (...words) => lines.push(words.map((word) => (typeof word === 'string' ? word : JSON.stringify(word))).join(' '));
diag.setLogger({ error: line, warn: line, info() {}, debug() {}, verbose() {} }, DiagLogLevel.WARN);
const seen = await exportOne();
const named = lines.some((text) => text.includes(WORDS) && /"rejectedDataPoints":"?1\b/.test(text));
console.log(`with a logger: ${seen}, logged ${lines.length}, names the count and the words: ${named}`);
process.exit();
JS
node export.mjs 2>&1 | tee seen
diff seen - <<'SEEN'
without a logger: code 0, error undefined, flushed, logged 0
with a logger: code 0, error undefined, flushed, logged 1, names the count and the words: true
SEEN
