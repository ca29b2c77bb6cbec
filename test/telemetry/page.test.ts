import { readFileSync } from 'node:fs';
import { TracerProvider, type ReadableSpan } from '@opentelemetry/sdk-trace';
import { expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { batchSpans } from '../../src/runtime/opentelemetry/batch-spans.ts';

const page = readFileSync('docs/opentelemetry.md', 'utf8');
const sourceOf = (file: string) => readFileSync(file, 'utf8');

test('docs/opentelemetry.md names every attribute of a span', () => {
  const seen: ReadableSpan[] = [];
  const provider = new TracerProvider({
    spanProcessors: [
      {
        onStart: () => {},
        onEnd: (span) => void seen.push(span),
        forceFlush: async () => {},
        shutdown: async () => {},
      },
    ],
  });
  const spans = batchSpans(provider.getTracer('kcg'), { groupId: 'g', streamName: 's', worker: 'w' });
  const error = new KcgError('HandlerFailed', 'no');
  spans.begin({ shardId: 'a', lane: 1, records: 1, attempt: 1 }).end({ outcome: 'failed', error });
  const [, table = ''] = /## Spans\n(.*?)\n## /s.exec(page) ?? [];
  const named = new Set([...table.matchAll(/`([a-z_]+(?:\.[a-z_]+)+)`/g)].map(([, name]) => name));
  for (const name of Object.keys(seen[0]!.attributes)) expect(named).toContain(name);
});

test('it names every attribute of the resource, and every variable that is read here', () => {
  for (const [, name = ''] of sourceOf('src/main/telemetry.ts').matchAll(/'([a-z0-9]+(?:\.[a-z0-9]+)+)':/g))
    expect(page).toContain(`\`${name}\``);
  // Those of one signal, and more of one kind, it has by their ends.
  for (const [name] of sourceOf('src/telemetry/settings.ts').matchAll(/OTEL_[A-Z_]*[A-Z]\b/g)) {
    const end = name.replace(/^OTEL_(BSP_|EXPORTER_OTLP_)?/, '');
    expect(page, name).toContain(end);
  }
});
