import { OTLPExporterBase } from '@opentelemetry/otlp-exporter-base';
import {
  convertLegacyHttpOptions,
  createOtlpHttpExportDelegate,
} from '@opentelemetry/otlp-exporter-base/node-http';
import {
  MetricsExporterMetricsHelper,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
  TraceExporterMetricsHelper,
  type ISerializer,
} from '@opentelemetry/otlp-transformer';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';

/*
 * The exporters of OTLP over HTTP, put together from their parts: the ready-made ones leave what a collector says of data that it
 * rejects to a logger that is the whole process's, which a handler may have set.
 */

/** What a collector says in an answer that is a success. */
export interface Remark {
  /** Data points or spans; 0 = all were taken, and it is a warning. */
  rejected: number;
  words: string;
}

/** Called for each answer before its export is over; undefined = all was taken, and nothing is said. */
export type OnAnswer = (remark: Remark | undefined) => void;

const CONTENT_TYPE = { 'Content-Type': 'application/x-protobuf' };
const MAX_WORDS = 500;

export function metricsExporter(url: string, onAnswer: OnAnswer): OTLPExporterBase<ResourceMetrics> {
  const options = convertLegacyHttpOptions({ url }, 'METRICS', 'v1/metrics', CONTENT_TYPE);
  const serializer = heard(ProtobufMetricsSerializer, ({ partialSuccess }) =>
    onAnswer(partialSuccess && remark(partialSuccess.rejectedDataPoints, partialSuccess.errorMessage)),
  );
  const helper = MetricsExporterMetricsHelper;
  return new OTLPExporterBase(
    createOtlpHttpExportDelegate(options, serializer, 'otlp_http_metric_exporter', helper, undefined),
  );
}

export function tracesExporter(url: string, onAnswer: OnAnswer): OTLPExporterBase<ReadableSpan[]> {
  const options = convertLegacyHttpOptions({ url }, 'TRACES', 'v1/traces', CONTENT_TYPE);
  const serializer = heard(ProtobufTraceSerializer, ({ partialSuccess }) =>
    onAnswer(partialSuccess && remark(partialSuccess.rejectedSpans, partialSuccess.errorMessage)),
  );
  const helper = TraceExporterMetricsHelper;
  return new OTLPExporterBase(
    createOtlpHttpExportDelegate(options, serializer, 'otlp_http_span_exporter', helper, undefined),
  );
}

function heard<Request, Response>(
  serializer: ISerializer<Request, Response>,
  onResponse: (response: Response) => void,
): ISerializer<Request, Response> {
  return {
    serializeRequest: (request) => serializer.serializeRequest(request),
    deserializeResponse(data) {
      const response = serializer.deserializeResponse(data);
      onResponse(response);
      return response;
    },
  };
}

/** Some collectors send the message without anything in it, which says nothing. */
function remark(rejected = 0, words = ''): Remark | undefined {
  const count = Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0;
  return count === 0 && words === '' ? undefined : { rejected: count, words: words.slice(0, MAX_WORDS) };
}
