import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';

/* Who has named no collector has nothing of OpenTelemetry in memory. */

const src = join(import.meta.dirname, '../../src');

/** `import x from '…'`, `import '…'`, `export … from '…'`; not `import type`. */
const IMPORT = /^(?:import|export)\s+(?!type\s)(?:[\w*{}\s,]+?\s+from\s+)?'([^']+)'/gm;

/** Packages and files that are loaded with this one; what is imported later, or for its types alone, is not. */
function loadedWith(entry: string): Set<string> {
  const loaded = new Set<string>();
  const load = (file: string) => {
    if (loaded.has(file)) return;
    loaded.add(file);
    const text = readFileSync(join(src, file), 'utf8');
    for (const [, specifier = ''] of text.matchAll(IMPORT)) {
      if (!specifier.startsWith('.')) loaded.add(specifier);
      else load(relative(src, join(src, dirname(file), specifier)));
    }
  };
  load(entry);
  return loaded;
}

test.each(['main/cli.ts', 'main/worker.ts', 'main/operator.ts', 'main/runtime.ts'])(
  '%s loads nothing of OpenTelemetry',
  (entry) => {
    const loaded = [...loadedWith(entry)];
    expect(loaded.filter((name) => /opentelemetry/i.test(name))).toEqual([]);
  },
);

test('what is loaded is found: the worker loads its metrics, and the start of OpenTelemetry the packages', () => {
  expect(loadedWith('main/worker.ts')).toContain('prom-client');
  expect(loadedWith('telemetry/opentelemetry/start.ts')).toContain('@opentelemetry/sdk-trace');
});
