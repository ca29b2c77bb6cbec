#!/usr/bin/env bash
# With vitest's fake timers half of Node's clocks and timers stay real, two with the name of one that does not: a lease that is
# measured by one and renewed by the other never ends, or ends at once.
#
# A good guess: vi.useFakeTimers() fakes timers and clocks from wherever a module takes them, the global object or node: modules.
# Package: npm vitest 5.1.0. Seen, after an hour of fake time:
# - faked: setTimeout, Date, performance.now() and process.hrtime.bigint() by their global names;
# - real: AbortSignal.timeout(); setTimeout from node:timers/promises and from node:timers;
#   and performance from node:perf_hooks, though it is the global object's namesake and, without fake timers, the same one.
# So a call that shall give up under fake time never does, a loop that sleeps by the promise waits in real time, and one
# module's clock stands still beside another's. The way out: clock and sleep as arguments.
# Output:
#   without fake timers, performance of node:perf_hooks is the global one: true
#   setTimeout: fake
#   Date.now: fake
#   performance.now: fake
#   process.hrtime.bigint: fake
#   AbortSignal.timeout: real
#   setTimeout of node:timers: real
#   setTimeout of node:timers/promises: real
#   performance.now of node:perf_hooks: real
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
PATH=$here/../node_modules/.bin:$PATH
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --ignore-scripts --prefix . vitest@5.1.0 vite@8.2.6
cat > time.test.mjs <<'JS'
import { writeFileSync } from 'node:fs';
import { performance as imported } from 'node:perf_hooks';
import { setTimeout as timer } from 'node:timers';
import { setTimeout as sleep } from 'node:timers/promises';
import { test, vi } from 'vitest';

const HOUR = 3_600_000;

test('what an hour of fake time moves', async () => {
  const lines = [`without fake timers, performance of node:perf_hooks is the global one: ${imported === performance}`];
  vi.useFakeTimers();
  const rung = new Set();
  const ring = (name) => () => rung.add(name);
  const stop = new AbortController();
  const signal = AbortSignal.timeout(HOUR / 2);
  setTimeout(ring('setTimeout'), HOUR / 2);
  const real = timer(ring('setTimeout of node:timers'), HOUR / 2);
  sleep(HOUR / 2, undefined, { signal: stop.signal }).then(ring('setTimeout of node:timers/promises'), () => {});
  const clocks = {
    'Date.now': () => Date.now(),
    'performance.now': () => performance.now(),
    'process.hrtime.bigint': () => Number(process.hrtime.bigint() / 1_000_000n),
    'performance.now of node:perf_hooks': () => imported.now(),
  };
  const began = Object.entries(clocks).map(([name, now]) => [name, now, now()]);
  await vi.advanceTimersByTimeAsync(HOUR);
  for (const [name, now, before] of began) if (now() - before >= HOUR) rung.add(name);
  if (signal.aborted) rung.add('AbortSignal.timeout');
  vi.useRealTimers();
  stop.abort();
  clearTimeout(real);
  const names = ['setTimeout', 'Date.now', 'performance.now', 'process.hrtime.bigint', 'AbortSignal.timeout'];
  names.push('setTimeout of node:timers', 'setTimeout of node:timers/promises', 'performance.now of node:perf_hooks');
  for (const name of names) lines.push(`${name}: ${rung.has(name) ? 'fake' : 'real'}`);
  writeFileSync('seen', `${lines.join('\n')}\n`);
});
JS
node_modules/.bin/vitest run --root . > vitest.log 2>&1 || { cat vitest.log; exit 1; }
cat seen
sed -n '/^# Output/,/^set/s/^#   //p' "$here/$(basename "$0")" | diff seen -
