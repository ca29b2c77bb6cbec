/*
 * What the variables of OpenTelemetry ask for. Nothing is sent unless an endpoint is named. A value that cannot be used is a
 * problem to be told once, and never a reason not to run: the same variables are often there for somebody else's code.
 */

export interface MetricSettings {
  url: string;
  intervalMs: number;
  timeoutMs: number;
}

export interface TraceSettings {
  url: string;
  sampler: { always: boolean } | { ratio: number };
  /** Spans that wait or are being sent, at most. */
  maxQueue: number;
  maxBatch: number;
  delayMs: number;
  timeoutMs: number;
}

export interface TelemetrySettings {
  /** Undefined: not sent. */
  metrics: MetricSettings | undefined;
  traces: TraceSettings | undefined;
  problems: readonly string[];
}

export type Env = Readonly<Record<string, string | undefined>>;

type Signal = 'METRICS' | 'TRACES';

const OFF: TelemetrySettings = { metrics: undefined, traces: undefined, problems: [] };
const MAX_MS = 2_147_483_647;
const PROTOCOL = 'http/protobuf';

/** `fallback`: base URL of a collector where the variables name none. */
export function telemetrySettings(env: Env, fallback?: string): TelemetrySettings {
  if (valueOf(env, 'OTEL_SDK_DISABLED')?.toLowerCase() === 'true') return OFF;
  const problems: string[] = [];
  const metrics = urlOf('METRICS', env, { fallback, problems });
  const traces = urlOf('TRACES', env, { fallback, problems });
  if (metrics === undefined && traces === undefined) return { ...OFF, problems };
  checkHeaders(env, problems);
  const number = (name: string, bounds: { least: number; most: number; otherwise: number }) =>
    numberOf(name, env, { ...bounds, problems });
  const ms = (name: string, otherwise: number) => number(name, { least: 1, most: MAX_MS, otherwise });
  const intervalMs = ms('OTEL_METRIC_EXPORT_INTERVAL', 60_000);
  const maxQueue = number('OTEL_BSP_MAX_QUEUE_SIZE', { least: 1, most: 1_000_000, otherwise: 2_048 });
  const maxBatch = number('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', { least: 1, most: 1_000_000, otherwise: 512 });
  return {
    metrics:
      metrics === undefined
        ? undefined
        : {
            url: metrics,
            intervalMs,
            timeoutMs: Math.min(ms('OTEL_METRIC_EXPORT_TIMEOUT', 30_000), intervalMs),
          },
    traces:
      traces === undefined
        ? undefined
        : {
            url: traces,
            sampler: samplerOf(env, problems),
            maxQueue,
            maxBatch: Math.min(maxBatch, maxQueue),
            delayMs: ms('OTEL_BSP_SCHEDULE_DELAY', 5_000),
            timeoutMs: ms('OTEL_BSP_EXPORT_TIMEOUT', 30_000),
          },
    problems,
  };
}

/** An empty variable is one that is not set, as the specification says; of names it says that their case does not matter. */
function valueOf(env: Env, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}

/** The first of these variables that is set. */
function firstOf(env: Env, ...names: string[]): { name: string; value: string } | undefined {
  for (const name of names) {
    const value = valueOf(env, name);
    if (value !== undefined) return { name, value };
  }
  return undefined;
}

/** Where a signal goes; undefined: nowhere. */
function urlOf(
  signal: Signal,
  env: Env,
  { fallback, problems }: { fallback: string | undefined; problems: string[] },
): string | undefined {
  const own = firstOf(env, `OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`);
  const base = firstOf(env, 'OTEL_EXPORTER_OTLP_ENDPOINT') ?? given(fallback);
  const named = own ?? base;
  if (named === undefined || !isExported(signal, env, problems)) return undefined;
  const protocol = firstOf(env, `OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`, 'OTEL_EXPORTER_OTLP_PROTOCOL');
  const what = signal === 'METRICS' ? 'metrics' : 'traces';
  const wire = protocol?.value.toLowerCase() ?? PROTOCOL;
  if (wire !== PROTOCOL) {
    const is = `${protocol!.name} is ${protocol!.value}`;
    if (wire === 'grpc' || wire === 'http/json') {
      problems.push(
        `${what} are not sent: ${is}, and only ${PROTOCOL} is supported, to port 4318 of most collectors`,
      );
      return undefined;
    }
    problems.push(`${is}, which is no protocol of OTLP; ${what} are sent as ${PROTOCOL}`);
  }
  const url = named === own ? named.value : `${named.value.replace(/\/$/, '')}/v1/${what}`;
  if (/^https?:$/.test(URL.parse(url)?.protocol ?? '')) return url;
  problems.push(`${what} are not sent: ${named.name} is no http or https URL, such as http://collector:4318`);
  return undefined;
}

/** The exporters leave out, without a word, what they cannot decode. No word of a header is told: each may be of a secret. */
function checkHeaders(env: Env, problems: string[]): void {
  for (const which of ['', 'METRICS_', 'TRACES_']) {
    const name = `OTEL_EXPORTER_OTLP_${which}HEADERS`;
    for (const [i, entry] of (valueOf(env, name)?.split(',') ?? []).entries()) {
      if (entry.trim() === '' || isHeader(entry)) continue;
      problems.push(
        `entry ${i + 1} of ${name} is not sent as it stands: write name=value, with % as %25, a comma as %2C and ; as %3B`,
      );
    }
  }
}

function isHeader(entry: string): boolean {
  try {
    decodeURIComponent(entry);
    return /^\s*[^=;\s][^=;]*=\s*[^;\s][^;]*$/.test(entry);
  } catch {
    return false;
  }
}

function given(fallback: string | undefined): { name: string; value: string } | undefined {
  return fallback === undefined ? undefined : { name: 'the endpoint for workers', value: fallback };
}

/** Others than `otlp` are not there; `prometheus` is served all the same. */
function isExported(signal: Signal, env: Env, problems: string[]): boolean {
  const exporter = firstOf(env, `OTEL_${signal}_EXPORTER`);
  if (exporter === undefined) return true;
  const names = exporter.value.split(',').map((name) => name.trim().toLowerCase());
  const unknown = names.filter((name) => !['otlp', 'none', 'prometheus'].includes(name));
  if (unknown.length > 0)
    problems.push(`${exporter.name} names ${unknown.join(', ')}, and only otlp and none are supported`);
  return names.includes('otlp');
}

interface NumberRule {
  least: number;
  most: number;
  otherwise: number;
  problems: string[];
}

function numberOf(name: string, env: Env, { least, most, otherwise, problems }: NumberRule): number {
  const text = valueOf(env, name);
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  problems.push(`${name} is no whole number from ${least} to ${most}; it counts as ${otherwise}`);
  return otherwise;
}

/** Batches have no parent, so what a sampler does with one is nobody's business here. */
function samplerOf(env: Env, problems: string[]): TraceSettings['sampler'] {
  const name = valueOf(env, 'OTEL_TRACES_SAMPLER') ?? 'parentbased_always_on';
  switch (name.toLowerCase().replace(/^parentbased_/, '')) {
    case 'always_on':
      return { always: true };
    case 'always_off':
      return { always: false };
    case 'traceidratio':
      return { ratio: ratioOf(env, problems) };
    default:
      problems.push(
        `OTEL_TRACES_SAMPLER is ${name}, which is not supported; it counts as parentbased_always_on`,
      );
      return { always: true };
  }
}

function ratioOf(env: Env, problems: string[]): number {
  const text = valueOf(env, 'OTEL_TRACES_SAMPLER_ARG');
  const ratio = text === undefined ? 1 : Number(text);
  if (ratio >= 0 && ratio <= 1) return ratio;
  problems.push('OTEL_TRACES_SAMPLER_ARG is no number from 0 to 1; it counts as 1');
  return 1;
}
