import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { DNS_LABEL, ENDPOINT, REGION } from '../../src/api/formats.ts';
import { LOG_LEVELS } from '../../src/lib/log.ts';
import { CHART } from './render-chart.ts';

/* What can be said of the chart without Helm. */

interface Schema {
  type?: string | string[];
  description?: string;
  additionalProperties?: boolean | Schema;
  properties?: Record<string, Schema>;
  items?: Schema;
  enum?: string[];
  pattern?: string;
}

const read = (name: string) => readFileSync(join(CHART, name), 'utf8');
const schema = JSON.parse(read('values.schema.json')) as Schema;
const values = parse(read('values.yaml')) as Record<string, unknown>;

/** The patterns of the API write a slash as a literal of JavaScript has to. */
const patternOf = ({ source }: RegExp) => source.replaceAll('\\/', '/');
const at = (...path: string[]) =>
  path.reduce<Schema | undefined>((found, name) => found?.properties?.[name], schema);

test("the chart's versions are the package's", () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  expect(parse(read('Chart.yaml'))).toMatchObject({ version, appVersion: version });
});

test('the schema knows each value, and each is in values.yaml with its default', () => {
  const namesOf = (found: unknown, path: string): string[] =>
    typeof found === 'object' && found !== null && !Array.isArray(found) && Object.keys(found).length > 0
      ? Object.entries(found).flatMap(([name, each]) => namesOf(each, `${path}.${name}`))
      : [path];
  const named = (found: Schema, path: string): string[] =>
    found.properties
      ? Object.entries(found.properties).flatMap(([name, each]) => named(each, `${path}.${name}`))
      : [path];
  // What Kubernetes defines, with some of it set here.
  const isOurs = ([name]: [string, unknown]) =>
    !['resources', 'podSecurityContext', 'securityContext'].includes(name);
  const own = Object.fromEntries(Object.entries(schema.properties!).filter(isOurs));
  const given = Object.fromEntries(Object.entries(values).filter(isOurs));
  // A delay of 0 is none: the API server does not keep it, and kubectl would apply it each time.
  const wanted = named({ properties: own }, '').filter((name) => !name.endsWith('.initialDelaySeconds'));
  expect(namesOf(given, '').sort()).toEqual(wanted.sort());
});

test('the schema is closed: at every level only a map of strings, or what Kubernetes defines, is open', () => {
  const open: string[] = [];
  const walk = (found: Schema, path: string) => {
    if (found.properties && found.additionalProperties !== false) open.push(path);
    if (found.type === 'object' && !found.properties && found.additionalProperties === undefined)
      open.push(path);
    for (const [name, each] of Object.entries(found.properties ?? {})) walk(each, `${path}.${name}`);
    if (found.items) walk(found.items, `${path}[]`);
  };
  walk(schema, '');
  expect(open.sort()).toEqual([
    '.affinity',
    '.dashboard.from[]',
    '.dnsConfig',
    '.extraContainers[]',
    '.extraEnvFrom[].configMapRef',
    '.extraEnvFrom[].secretRef',
    '.extraEnv[].valueFrom',
    '.extraVolumeMounts[]',
    '.extraVolumes[]',
    '.global',
    '.hostAliases[]',
    '.initContainers[]',
    '.metrics.podMonitor.endpoint',
    '.metrics.serviceMonitor.endpoint',
    '.networkPolicy.from[]',
    '.networkPolicy.to[]',
    '.podSecurityContext',
    '.resources.claims[]',
    '.securityContext',
    '.tolerations[]',
    '.topologySpreadConstraints[]',
  ]);
});

test('the schema takes what the operator takes', () => {
  expect(at('logLevel')?.enum).toEqual([...LOG_LEVELS]);
  expect(at('defaultRegion')?.pattern).toBe(`^$|${patternOf(REGION)}`);
  for (const service of ['kinesis', 'dynamodb', 'sqs', 'sns', 's3'])
    expect(at('endpoints', service)?.pattern).toBe(`^$|${patternOf(ENDPOINT)}`);
  expect(at('openTelemetry', 'endpoint')?.pattern).toBe(`^$|${patternOf(ENDPOINT)}`);
  expect(at('watchNamespaces')?.items?.pattern).toBe(patternOf(DNS_LABEL));
});
