#!/usr/bin/env bash
# A property over "up to 1,000 shards" never sees more than 10 of them: fast-check takes maxLength for a bound, not for a size.
#
# A good guess: fc.array(shard, { maxLength: 1000 }) gives arrays of all lengths up to 1,000, short ones more often, so that
# 10,000 runs have tried a thousand shards at some time.
# Package: npm fast-check 4.10.2. Seen: no length above 10, in arrays, byte arrays, strings and numbers of commands alike; with a
# minLength m none above 2m + 10, whatever maxLength is. So pages (the 101st record, the 1,001st shard), batches, buffers and
# balance of larger fleets are never tried, and nothing says so: the property passes.
# The way out: size: 'max' beside maxLength, or once for all fc.configureGlobal({ defaultSizeToMaxWhenMaxSpecified: true });
# with it fewer runs do.
# Output (the longest of 10,000 runs, maxLength 1,000):
#   as it is: array 10, minLength 12 34, bytes 10, string 10, commands 10
#   size max: array 1000, minLength 12 1000, bytes 1000, string 1000, commands 1000
#   set globally: array 1000, minLength 12 1000, bytes 1000, string 1000, commands 1000
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PATH=$here/../node_modules/.bin:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --prefix . fast-check@4.10.2
cat > ask.mjs <<'JS'
import fc from 'fast-check';

function longest(values) {
  let most = 0;
  const property = fc.property(values, ({ length }) => {
    most = Math.max(most, length);
  });
  fc.assert(property, { numRuns: 10_000, seed: 1 });
  return most;
}

function show(about, size) {
  const bound = { maxLength: 1000, ...size };
  const command = fc.constant({ check: () => true, run() {}, toString: () => 'step' });
  const commands = fc.commands([command], { maxCommands: 1000, ...size }).map((steps) => [...steps]);
  const seen = {
    array: longest(fc.array(fc.nat(), bound)),
    'minLength 12': longest(fc.array(fc.nat(), { minLength: 12, ...bound })),
    bytes: longest(fc.uint8Array(bound)),
    string: longest(fc.string(bound)),
    commands: longest(commands),
  };
  console.log(`${about}: ${Object.entries(seen).map((entry) => entry.join(' ')).join(', ')}`);
}

show('as it is', {});
show('size max', { size: 'max' });
fc.configureGlobal({ defaultSizeToMaxWhenMaxSpecified: true });
show('set globally', {});
JS
node ask.mjs | tee seen
sed -n '/^# Output/,/^set/s/^#   //p' "$here/$(basename "$0")" | diff seen -
