import type { HandlerContext } from '../handler.ts';

interface About {
  /** A UUID. */
  id: string;
  functionName: string;
  nowMs: number;
  timeoutMs: number;
}

/**
 * What Lambda says with each event. Each of them is needed by some client: without a deadline Go answers every invocation with
 * an error. There is no function behind the ARN; code that takes it apart finds region and account of the stream.
 */
export function invocationHeaders(
  { id, functionName, nowMs, timeoutMs }: About,
  { streamArn, region, shardId, groupId, attempt, traceparent }: HandlerContext,
): Record<string, string> {
  const [, partition = 'aws', , arnRegion, account = ''] = streamArn.split(':');
  return {
    'lambda-runtime-aws-request-id': id,
    'lambda-runtime-deadline-ms': String(Math.round(nowMs + timeoutMs)),
    'lambda-runtime-invoked-function-arn': `arn:${partition}:lambda:${arnRegion || region}:${account}:function:${functionName}`,
    'lambda-runtime-trace-id': traceparent === undefined ? traceId(id, nowMs) : xrayOf(traceparent),
    'kcg-group-id': groupId,
    'kcg-shard-id': shardId,
    'kcg-attempt': String(attempt),
  };
}

/** The same trace and span in the words of X-Ray, as OpenTelemetry's propagator for it reads them. */
function xrayOf(traceparent: string): string {
  const [, trace = '', span = '', flags = ''] = traceparent.split('-');
  const isSampled = (Number.parseInt(flags, 16) & 1) === 1;
  return `Root=1-${trace.slice(0, 8)}-${trace.slice(8)};Parent=${span};Sampled=${isSampled ? 1 : 0}`;
}

/** Not sampled: nobody collects traces here. */
function traceId(id: string, nowMs: number): string {
  const hex = id.replaceAll('-', '');
  const seconds = Math.floor(nowMs / 1000)
    .toString(16)
    .padStart(8, '0');
  return `Root=1-${seconds}-${hex.slice(0, 24)};Parent=${hex.slice(16)};Sampled=0`;
}
