import { ROOT_CONTEXT, SpanKind, SpanStatusCode, type SpanContext, type Tracer } from '@opentelemetry/api';
import type { BatchSpans } from '../delivery/batch-spans.ts';
import type { HandlerResult } from '../handlers/handler.ts';

export interface GroupOfSpans {
  groupId: string;
  streamName: string;
  worker: string;
}

/**
 * By OpenTelemetry's conventions for messaging, of which those for Kinesis name the stream alone. A batch is the beginning of a
 * trace: records of Kinesis carry no context of their producer.
 */
export function batchSpans(tracer: Tracer, { groupId, streamName, worker }: GroupOfSpans): BatchSpans {
  const name = `process ${streamName}`;
  const ofGroup = {
    'messaging.system': 'aws.kinesis',
    'messaging.operation.name': 'process',
    'messaging.operation.type': 'process',
    'messaging.destination.name': streamName,
    'messaging.consumer.group.name': groupId,
    'messaging.client.id': worker,
    'aws.kinesis.stream_name': streamName,
  };
  return {
    begin({ shardId, lane, records, attempt }) {
      const attributes = {
        ...ofGroup,
        'messaging.destination.partition.id': shardId,
        'messaging.batch.message_count': records,
        'kcg.attempt': attempt,
        ...(lane === undefined ? {} : { 'kcg.lane': lane }),
      };
      const span = tracer.startSpan(name, { kind: SpanKind.CONSUMER, attributes }, ROOT_CONTEXT);
      return {
        traceparent: traceparentOf(span.spanContext()),
        end(result) {
          const problem = problemOf(result);
          if (problem) {
            span.setAttribute('error.type', problem.type);
            span.setStatus({ code: SpanStatusCode.ERROR, message: problem.message });
          }
          span.end();
        },
      };
    },
  };
}

function problemOf(result: HandlerResult): { type: string; message: string } | undefined {
  if (result.outcome === 'done') return undefined;
  if (result.outcome === 'failed') return { type: result.error.code, message: result.error.message };
  return {
    type: 'HandlerFailed',
    message: `the handler reported record ${result.firstFailure + 1} as failed`,
  };
}

function traceparentOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}
