import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { expect, test } from 'vitest';
import { KcgError } from '../../../src/lib/errors.ts';
import type { HandlerResult } from '../../../src/runtime/handlers/handler.ts';
import { batchSpans } from '../../../src/runtime/opentelemetry/batch-spans.ts';

const GROUP = { groupId: 'shop.orders', streamName: 'orders', worker: 'orders-1' };
const BATCH = { shardId: 'shardId-000000000000', records: 3, attempt: 1 };

function spansOf(...results: HandlerResult[]) {
  const exporter = new InMemorySpanExporter();
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  const spans = batchSpans(provider.getTracer('kcg'), GROUP);
  const parents = results.map((result) => {
    const span = spans.begin(BATCH);
    span.end(result);
    return span.traceparent;
  });
  return { spans: exporter.getFinishedSpans(), parents };
}

test('a batch is a span of its own by the conventions for messaging, and nothing is said that is not known', () => {
  const { spans, parents } = spansOf({ outcome: 'done' });
  const [span] = spans;
  expect(span).toMatchObject({
    name: 'process orders',
    kind: SpanKind.CONSUMER,
    status: { code: SpanStatusCode.UNSET },
    links: [],
    events: [],
  });
  expect(span?.parentSpanContext).toBeUndefined();
  expect(span?.attributes).toEqual({
    'messaging.system': 'aws.kinesis',
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.destination.name': 'orders',
    'messaging.destination.partition.id': 'shardId-000000000000',
    'messaging.consumer.group.name': 'shop.orders',
    'messaging.client.id': 'orders-1',
    'messaging.batch.message_count': 3,
    'aws.kinesis.stream_name': 'orders',
    'kcg.attempt': 1,
  });
  const { traceId, spanId } = span!.spanContext();
  expect(parents).toEqual([`00-${traceId}-${spanId}-01`]);
});

test.each<[result: HandlerResult, type: string, message: string]>([
  [
    { outcome: 'failed', error: new KcgError('HandlerFailed', 'the handler threw Error: no') },
    'HandlerFailed',
    'the handler threw Error: no',
  ],
  [{ outcome: 'failed', error: new KcgError('Timeout', 'too late') }, 'Timeout', 'too late'],
  [{ outcome: 'partial', firstFailure: 1 }, 'HandlerFailed', 'the handler reported record 2 as failed'],
])('what failed says so: %o', (result, type, message) => {
  const [span] = spansOf(result).spans;
  expect(span).toMatchObject({
    status: { code: SpanStatusCode.ERROR, message },
    attributes: { 'error.type': type },
  });
});

test('each batch begins a trace', () => {
  const { spans } = spansOf({ outcome: 'done' }, { outcome: 'done' });
  expect(new Set(spans.map((span) => span.spanContext().traceId)).size).toBe(2);
});

test('what is not sampled is not sent, and its handler is told so', () => {
  const provider = new TracerProvider({ sampler: new AlwaysOffSampler() });
  expect(batchSpans(provider.getTracer('kcg'), GROUP).begin(BATCH).traceparent).toMatch(
    /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/,
  );
});
