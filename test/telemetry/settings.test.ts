import { describe, expect, test } from 'vitest';
import { telemetrySettings, type Env } from '../../src/telemetry/settings.ts';

const AT = 'http://collector:4318';
const at = (more: Env = {}): Env => ({ OTEL_EXPORTER_OTLP_ENDPOINT: AT, ...more });
const OFF = { metrics: undefined, traces: undefined, problems: [] };
const urlsOf = (env: Env, fallback?: string) => {
  const { metrics, traces } = telemetrySettings(env, fallback);
  return [metrics?.url, traces?.url];
};

describe('where metrics and spans go', () => {
  test.each<[what: string, env: Env]>([
    ['no variable is set', {}],
    ['the endpoint is empty', { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' }],
    ['only the exporters are named', { OTEL_METRICS_EXPORTER: 'otlp', OTEL_TRACES_EXPORTER: 'otlp' }],
    ['the SDK is disabled', at({ OTEL_SDK_DISABLED: 'True', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' })],
  ])('nowhere when %s', (_, env) => expect(telemetrySettings(env)).toEqual(OFF));

  test.each<[what: string, env: Env, urls: (string | undefined)[]]>([
    ['below the endpoint', at(), [`${AT}/v1/metrics`, `${AT}/v1/traces`]],
    [
      'below the path of the endpoint, with a slash at its end or none',
      { OTEL_EXPORTER_OTLP_ENDPOINT: `${AT}/otlp/` },
      [`${AT}/otlp/v1/metrics`, `${AT}/otlp/v1/traces`],
    ],
    [
      'just where a variable of their own says',
      at({ OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'https://prometheus/api/v1/otlp/v1/metrics' }),
      ['https://prometheus/api/v1/otlp/v1/metrics', `${AT}/v1/traces`],
    ],
    [
      'one of them, when only that has an endpoint',
      { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://traces/' },
      [undefined, 'http://traces/'],
    ],
    ['not without an exporter', at({ OTEL_TRACES_EXPORTER: 'none' }), [`${AT}/v1/metrics`, undefined]],
    [
      'metrics not when they are served alone',
      at({ OTEL_METRICS_EXPORTER: 'prometheus' }),
      [undefined, `${AT}/v1/traces`],
    ],
    [
      'with another exporter beside it, whatever the case of names',
      at({ OTEL_METRICS_EXPORTER: 'prometheus, OTLP', OTEL_EXPORTER_OTLP_PROTOCOL: 'HTTP/Protobuf' }),
      [`${AT}/v1/metrics`, `${AT}/v1/traces`],
    ],
  ])('%s', (_, env, urls) => {
    expect(urlsOf(env)).toEqual(urls);
    expect(telemetrySettings(env).problems).toEqual([]);
  });

  test('what is given for all workers counts where their variables name no endpoint', () => {
    expect(urlsOf({}, AT)).toEqual([`${AT}/v1/metrics`, `${AT}/v1/traces`]);
    expect(urlsOf(at(), 'http://other')).toEqual([`${AT}/v1/metrics`, `${AT}/v1/traces`]);
    expect(urlsOf({ OTEL_TRACES_EXPORTER: 'none' }, AT)).toEqual([`${AT}/v1/metrics`, undefined]);
    expect(telemetrySettings({ OTEL_SDK_DISABLED: 'true' }, AT)).toEqual(OFF);
  });
});

describe('a value that cannot be used', () => {
  test.each<[env: Env, problems: RegExp[], sent: string]>([
    [
      at({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }),
      [/metrics are not sent.*PROTOCOL is grpc.*http\/protobuf/, /traces/],
      '',
    ],
    [
      at({ OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json', OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' }),
      [/traces are not sent: OTEL_EXPORTER_OTLP_TRACES_PROTOCOL is http\/json/],
      'metrics',
    ],
    [
      at({ OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuff' }),
      [/protobuff, which is no protocol of OTLP; metrics are sent as http\/protobuf/, /traces/],
      'metrics traces',
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' },
      [/OTEL_EXPORTER_OTLP_ENDPOINT is no http/, /traces/],
      '',
    ],
    [at({ OTEL_TRACES_EXPORTER: 'zipkin' }), [/OTEL_TRACES_EXPORTER names zipkin/], 'metrics'],
    [
      at({ OTEL_METRIC_EXPORT_INTERVAL: '30s' }),
      [/OTEL_METRIC_EXPORT_INTERVAL.*counts as 60000/],
      'metrics traces',
    ],
    [
      at({ OTEL_TRACES_SAMPLER: 'jaeger_remote' }),
      [/jaeger_remote.*counts as parentbased_always_on/],
      'metrics traces',
    ],
    [
      at({ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '10%' }),
      [/OTEL_TRACES_SAMPLER_ARG.*counts as 1/],
      'metrics traces',
    ],
    [
      at({
        OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Basic YTpi==,api-key=100%,,a=%e2%82%ac , b=c;d,b=%e2',
        OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'secret',
      }),
      [
        /^entry 2 of OTEL_EXPORTER_OTLP_HEADERS is not sent as it stands(?!.*(api|100))/,
        /^entry 5 of OTEL_EXPORTER_OTLP_HEADERS/,
        /^entry 6 of OTEL_EXPORTER_OTLP_HEADERS/,
        /^entry 1 of OTEL_EXPORTER_OTLP_TRACES_HEADERS(?!.*secret)/,
      ],
      'metrics traces',
    ],
  ])('is told, and the rest goes on: %j', (env, problems, sent) => {
    const { metrics, traces, problems: told } = telemetrySettings(env);
    expect([metrics && 'metrics', traces && 'traces'].filter(Boolean).join(' ')).toBe(sent);
    expect(told).toHaveLength(problems.length);
    for (const [i, pattern] of problems.entries()) expect(told[i]).toMatch(pattern);
  });
});

test.each<[sampler: string | undefined, argument: string | undefined, settings: object]>([
  [undefined, undefined, { always: true }],
  ['always_off', undefined, { always: false }],
  ['parentbased_always_off', undefined, { always: false }],
  ['traceidratio', '0.1', { ratio: 0.1 }],
  ['parentbased_traceidratio', undefined, { ratio: 1 }],
])('the sampler %s with %s', (sampler, argument, settings) => {
  const env = at({ OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: argument });
  expect(telemetrySettings(env).traces?.sampler).toEqual(settings);
});

test('an export has its time only until the next one begins, and a batch of spans fits the queue', () => {
  const { metrics, traces } = telemetrySettings(
    at({ OTEL_METRIC_EXPORT_INTERVAL: '5000', OTEL_BSP_MAX_QUEUE_SIZE: '100' }),
  );
  expect(metrics).toMatchObject({ intervalMs: 5_000, timeoutMs: 5_000 });
  expect(traces).toMatchObject({ maxQueue: 100, maxBatch: 100 });
});
