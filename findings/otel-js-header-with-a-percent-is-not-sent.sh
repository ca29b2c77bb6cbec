#!/usr/bin/env bash
# A header in OTEL_EXPORTER_OTLP_HEADERS whose value has a bare % is not sent by OpenTelemetry for JavaScript, and nothing is logged:
# the collector refuses what comes without its key, or files it under nobody. What stands behind a ; goes the same way.
#
# A good guess: the value is sent as it is written, as a key given to any HTTP client is; or else it is refused or warned of, as an
# endpoint that is none is. The specification has the variable in the format of W3C Baggage: values are percent-encoded, and a ;
# begins properties of the entry, which are no part of its value.
# Package: npm @opentelemetry/exporter-trace-otlp-proto 0.301.1. Seen: an entry that cannot be decoded is left out by itself, the
# others are sent; a blank and a + stay as they are, so Basic and Bearer tokens pass. Logging was on from warn upwards.
# The way out: write % as %25, a comma as %2C and ; as %3B.
# Output:
#   api-key=50%off,tenant=a -> tenant: a
#   api-key=50%25off,tenant=a -> api-key: 50%off, tenant: a
#   api-key=k;1,tenant=a -> api-key: k, tenant: a
#   api-key=k%3B1,tenant=a -> api-key: k;1, tenant: a
#   api-key=Bearer a+b== -> api-key: Bearer a+b==
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PATH=$here/../node_modules/.bin:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --prefix . @opentelemetry/exporter-trace-otlp-proto@0.301.1 @opentelemetry/api@1.10.0
cat > export.mjs <<'JS'
import { createServer } from 'node:http';
import { diag } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';

const line = (...words) => console.log('logged:', ...words);
diag.setLogger({ error: line, warn: line, info: line, debug() {}, verbose() {} });

let seen;
const collector = createServer(({ headers }, response) => {
  seen = ['api-key', 'tenant'].flatMap((name) => (name in headers ? `${name}: ${headers[name]}` : []));
  response.end();
});
await new Promise((listening) => collector.listen(0, '127.0.0.1', listening));
process.env.OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${collector.address().port}`;
for (const headers of [
  'api-key=50%off,tenant=a',
  'api-key=50%25off,tenant=a',
  'api-key=k;1,tenant=a',
  'api-key=k%3B1,tenant=a',
  'api-key=Bearer a+b==',
]) {
  process.env.OTEL_EXPORTER_OTLP_HEADERS = headers;
  await new Promise((done) => new OTLPTraceExporter().export([], done));
  console.log(`${headers} -> ${seen.join(', ')}`);
}
process.exit();
JS
node export.mjs | tee seen
sed -n '/^# Output/,/^set/s/^#   //p' "$here/$(basename "$0")" | diff seen -
