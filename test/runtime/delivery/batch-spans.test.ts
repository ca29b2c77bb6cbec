import { expect, test } from 'vitest';
import { KcgError } from '../../../src/lib/errors.ts';
import type { BatchSpans, SpanOfBatch } from '../../../src/runtime/delivery/batch-spans.ts';
import type { HandlerResult } from '../../../src/runtime/handlers/handler.ts';
import { aReadShard } from './a-read-shard.ts';

const FAILED: HandlerResult = { outcome: 'failed', error: new KcgError('HandlerFailed', 'no') };
const MISSED: HandlerResult = { ...FAILED, isMissed: true };

/** Spans named by their number, which is what handlers are told. */
function spansIn(told: [span: string, of: SpanOfBatch, result?: HandlerResult][]): BatchSpans {
  return {
    begin(of) {
      const span: (typeof told)[number] = [`span ${told.length + 1}`, of];
      told.push(span);
      return { traceparent: span[0], end: (result) => (span[2] = result) };
    },
  };
}

async function deliver(results: HandlerResult[], lanes = 1) {
  const told: [string, SpanOfBatch, HandlerResult?][] = [];
  const heard: (string | undefined)[] = [];
  const shard = aReadShard({
    reads: [['a', 'b', 'c']],
    isClosed: true,
    lanes,
    spans: spansIn(told),
    handle: async (_, { traceparent }) => {
      heard.push(traceparent);
      return results.shift() ?? { outcome: 'done' };
    },
  });
  await shard.clock.advance(60_000);
  await shard.running;
  return { told, heard };
}

test('a batch is one span, whose handler knows it', async () => {
  const { told, heard } = await deliver([]);
  expect(told).toEqual([['span 1', { shardId: 's', records: 3, attempt: 1 }, { outcome: 'done' }]]);
  expect(heard).toEqual(['span 1']);
});

test('each attempt is a span of its own, with what it processes', async () => {
  const { told, heard } = await deliver([FAILED, { outcome: 'partial', firstFailure: 1 }]);
  expect(told).toEqual([
    ['span 1', { shardId: 's', records: 3, attempt: 1 }, FAILED],
    ['span 2', { shardId: 's', records: 3, attempt: 2 }, { outcome: 'partial', firstFailure: 1 }],
    ['span 3', expect.objectContaining({ records: 2 }), { outcome: 'done' }],
  ]);
  expect(heard).toEqual(['span 1', 'span 2', 'span 3']);
});

test('what the handler never got is no span', async () => {
  const { told } = await deliver([MISSED]);
  expect(told.map(([span, , result]) => [span, result])).toEqual([
    ['span 1', undefined],
    ['span 2', { outcome: 'done' }],
  ]);
});

test('where a shard has lanes, the span names its lane', async () => {
  const { told } = await deliver([], 2);
  expect(told.map(([, { lane }]) => typeof lane)).toEqual(told.map(() => 'number'));
});

test('where nobody traces, a handler is told of no trace', async () => {
  const heard: unknown[] = [];
  const handle = async (_: unknown, { traceparent }: { traceparent?: string | undefined }) => {
    heard.push(traceparent);
    return { outcome: 'done' } as const;
  };
  const shard = aReadShard({ reads: [['a']], isClosed: true, handle });
  await shard.clock.advance(1_000);
  await shard.running;
  expect(heard).toEqual([undefined]);
});
