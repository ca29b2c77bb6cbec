import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { groupCrd } from '../../src/api/crd.ts';
import { parseGroup } from '../../src/api/group.ts';
import { parseReset } from '../../src/api/offset-reset.ts';
import { UNITS } from '../../src/view/prices.ts';
import { BLOCKS, COMMAND_BLOCKS, commandsOf, PAGES, scriptOf, type Block } from './pages.ts';

/* What the docs say that can be looked up: links, fields, values of the chart, metrics, and names in capitals. */

const where = ({ page, line }: Block) => `${page}:${line}`;
const texts = new Map(PAGES.map((page) => [page, readFileSync(page, 'utf8')]));
/** Without blocks. */
const proseOf = (page: string) => texts.get(page)!.replaceAll(/^( *)```[^]*?^\1```$/gm, '');

interface Schema {
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  items?: Schema;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
}
const chart = JSON.parse(readFileSync('charts/kcg/values.schema.json', 'utf8')) as Schema;
const [crd] = groupCrd().spec.versions;
const group = crd!.schema.openAPIV3Schema as Schema;

/** The first name of a path that a schema does not know; nothing when it knows all. */
function unknownIn(schema: Schema, [name, ...rest]: readonly string[]): string | undefined {
  if (name === undefined) return undefined;
  const isOpen = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const next = schema.properties?.[name] ?? (schema.items && /^\d+$/.test(name) ? schema.items : undefined);
  if (next) return unknownIn(next, rest);
  const more = schema.additionalProperties;
  // A map, or an object of Kubernetes' own, of which nothing is said.
  if (isOpen || (more !== undefined && more !== false) || (!schema.properties && !schema.items))
    return undefined;
  return name;
}

function pathsIn(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [path];
  const entries = Object.entries(value);
  return entries.length === 0 ? [path] : entries.flatMap(([name, each]) => pathsIn(each, [...path, name]));
}

/** As GitHub makes it of a heading. */
function anchorsOf(page: string): Set<string> {
  const headings = proseOf(page).matchAll(/^#+ (.*)$/gm);
  const seen = new Map<string, number>();
  return new Set(
    [...headings].map(([, heading = '']) => {
      const words = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
      const slug = words.replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-');
      const count = seen.get(slug) ?? 0;
      seen.set(slug, count + 1);
      return count === 0 ? slug : `${slug}-${count}`;
    }),
  );
}

test('each link leads somewhere, and each anchor to a heading', () => {
  const broken: string[] = [];
  for (const page of PAGES) {
    for (const [, target = ''] of proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? page : normalize(join(dirname(page), path));
      const isThere = existsSync(file);
      if (!isThere) broken.push(`${page}: ${target}`);
      else if (anchor !== undefined && statSync(file).isFile()) {
        if (!texts.has(file)) texts.set(file, readFileSync(file, 'utf8'));
        if (!anchorsOf(file).has(anchor)) broken.push(`${page}: ${target}: no such heading`);
      }
    }
  }
  expect(broken).toEqual([]);
});

test('the README lists every page', () => {
  const readme = texts.get('README.md')!;
  expect(PAGES.filter((page) => page !== 'README.md' && !readme.includes(`(${page})`))).toEqual([]);
});

describe('yaml', () => {
  // Those that a command writes, too.
  const written = COMMAND_BLOCKS.flatMap((block) =>
    [...block.text.matchAll(/^cat > \S+\.yaml <<'END'\n([^]*?)^END$/gm)].map(([, text = '']) => ({
      ...block,
      text,
    })),
  );
  const blocks = [...BLOCKS.filter(({ language }) => language === 'yaml'), ...written];

  /** A part of a group, put where it belongs. */
  const WHERE: Record<string, string[]> = { importFrom: ['checkpoints'], spec: [] };
  const containers = [{ name: 'app', image: 'registry.example/orders:1' }];
  const least = {
    stream: { name: 'orders' },
    region: 'eu-west-1',
    handler: { log: {} },
    template: { spec: { containers } },
  };
  function asGroup(part: Record<string, unknown>): unknown {
    const [key = ''] = Object.keys(part);
    const within = WHERE[key];
    const spec = key === 'spec' ? part['spec'] : within?.[0] === undefined ? part : { [within[0]]: part };
    const kind = { apiVersion: 'kcg.dev/v1alpha1', kind: 'KinesisConsumerGroup' };
    const both = { ...least, ...(spec as object) };
    return { ...kind, metadata: { name: 'orders', namespace: 'shop' }, spec: both };
  }

  /** Why nobody takes it. */
  function problemsOf(object: Record<string, unknown>): unknown[] {
    if (object['kind'] === 'KinesisOffsetReset') {
      const result = parseReset(object);
      return result.outcome === 'ok' ? [] : result.problems;
    }
    if (object['kind'] !== undefined && object['kind'] !== 'KinesisConsumerGroup') return [];
    const keys = Object.keys(object);
    if (keys.includes('vcpuHours'))
      return keys.filter((key) => !(key in UNITS) && !/^(region|asOf)$/.test(key));
    const isOfGroup = keys.every(
      (key) => key === 'spec' || key in WHERE || !(key in (chart.properties ?? {})),
    );
    if (object['kind'] === undefined && !isOfGroup)
      return pathsIn(object).filter((path) => unknownIn(chart, path) !== undefined);
    const result = parseGroup(object['kind'] === undefined ? asGroup(object) : object);
    return result.outcome === 'ok' ? [] : result.problems;
  }

  test('is a group or a part of one, a reset, prices, values of the chart, or an object of Kubernetes', () => {
    const wrong: string[] = [];
    for (const block of blocks) {
      for (const document of parseAllDocuments(block.text)) {
        expect(document.errors, where(block)).toEqual([]);
        const problems = problemsOf(document.toJS() as Record<string, unknown>);
        if (problems.length > 0) wrong.push(`${where(block)}: ${problems.join('; ')}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  test('a whole group says which region it reads from, as the operator asks for it', () => {
    const without = blocks.filter(({ text }) => {
      const [, yaml = ''] = /(^kind: KinesisConsumerGroup[^]*)/m.exec(text) ?? [];
      return /^ {2}stream:/m.test(yaml) && !/region:|arn:/.test(yaml);
    });
    expect(without.map(where)).toEqual([]);
  });
});

test('each value that helm is given exists', () => {
  const unknown = COMMAND_BLOCKS.flatMap((block) => {
    const helm = commandsOf(scriptOf(block), 'helm').filter((words) => words.includes('charts/kcg'));
    return helm.flatMap((words) =>
      words
        .filter((_, n) => /^--set(-string)?$/.test(words[n - 1] ?? ''))
        .flatMap((set) => set.split(/(?<!\\),(?=[\w.[\]]+=)/))
        .map((set) =>
          set
            .split('=')[0]!
            .replaceAll(/\[(\d+)\]/g, '.$1')
            .split(/(?<!\\)\./),
        )
        .filter((path) => unknownIn(chart, path) !== undefined)
        .map((path) => `${where(block)}: ${path.join('.')}`),
    );
  });
  expect(unknown).toEqual([]);
});

/** Where a path of a field may begin: at the spec, at what pages leave out in front of it, or at the chart's values. */
const { spec } = group.properties!;
const { handler, checkpoints } = spec!.properties!;
const BEGINNINGS = [group, spec!, handler!, checkpoints!, chart];
const FIELD = /^([a-z]\w*(?:\.\w+)+)(?:: .*|=\S*)?$/;

/** Whether it looks like `leases.durationSeconds` or `retry.maxAttempts: 3`, and no schema has it; files, spans and the library's apart. */
function isUnknownField(inline: string): boolean {
  const [, field] = FIELD.exec(inline) ?? [];
  if (field === undefined || /\.(mjs|ts|py)$|^aws\.kinesis|^table\.create$/.test(field)) return false;
  const path = field.split('.');
  const [first = ''] = path;
  const beginnings = BEGINNINGS.filter(({ properties }) => first in properties!);
  return beginnings.length > 0 && beginnings.every((schema) => unknownIn(schema, path) !== undefined);
}

/** Of Kubernetes, its alerts and OpenShift. */
const THEIRS = [
  'AverageValue',
  'KubeDeploymentRolloutStuck',
  'KubePodCrashLooping',
  'MustRunAsRange',
  'OwnerReferencesPermissionEnforcement',
];

test('each metric, field and name in capitals exists', () => {
  const metrics = new Set(texts.get('docs/metrics.md')!.match(/\bkcg_\w+/g));
  const code = globSync('{src,charts,crds,deploy,examples}/**/*.{ts,yaml,json,tpl,txt}').map((file) =>
    readFileSync(file, 'utf8'),
  );
  // Of other programs, which tables of theirs name.
  const theirs =
    /^docs\/(leave-|peer-|comparison|handlers|benchmarks|lease-proof|local-mode|move-in|library)/;
  const known = new Set([...THEIRS, ...code.join('\n').match(/\b[A-Z][a-z]+[A-Z]\w+/g)!]);
  const missing: string[] = [];
  for (const page of PAGES) {
    for (const [, inline = ''] of proseOf(page).matchAll(/`([^`\n]+)`/g)) {
      const [metric] = /^kcg_(worker|operator|otlp)_\w+/.exec(inline) ?? [];
      if (metric !== undefined && !metrics.has(metric.replace(/_(bucket|sum|count)$/, '')))
        missing.push(`${page}: ${metric}`);
      if (isUnknownField(inline)) missing.push(`${page}: ${inline}`);
      if (!theirs.test(page) && /^[A-Z][a-z]+[A-Z]\w+$/.test(inline) && !known.has(inline))
        missing.push(`${page}: ${inline}`);
    }
  }
  expect(missing).toEqual([]);
});
