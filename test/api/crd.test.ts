import { readFile } from 'node:fs/promises';
import { RE2JS } from 're2js';
import { describe, expect, test } from 'vitest';
import { crdFiles } from '../../scripts/generate-crds.ts';
import { referenceFiles } from '../../scripts/generate-reference.ts';
import { groupCrd, offsetResetCrd } from '../../src/api/crd.ts';
import { VALIDATIONS, type Validation } from '../../src/api/rule.ts';
import type { StructuralSchema } from '../../src/api/structural-schema.ts';

const file = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
const roots = [groupCrd(), offsetResetCrd()].map((crd) => crd.spec.versions[0]!.schema.openAPIV3Schema);

/** Every field below `schema` with its path. */
function fields(schema: StructuralSchema, path: string): [string, StructuralSchema][] {
  const below = [
    ...Object.entries(schema.properties ?? {}),
    ...(schema.items ? ([['[]', schema.items]] as const) : []),
    ...(schema.additionalProperties ? ([['*', schema.additionalProperties]] as const) : []),
  ];
  return below.flatMap(
    ([name, field]) =>
      [[`${path}.${name}`, field], ...fields(field, `${path}.${name}`)] as [string, StructuralSchema][],
  );
}
const all = roots.flatMap((root) => fields(root, '')).filter(([path]) => path !== '.metadata');

test.each([...crdFiles()])(
  '%s is what the schemas say: run node scripts/generate-crds.ts',
  async (path, yaml) => {
    expect(await file(path)).toBe(yaml);
  },
);

test.each(Object.entries(referenceFiles()))(
  '%s is what the schemas say: run node scripts/generate-reference.ts',
  async (path, text) => {
    expect(await file(path)).toBe(text);
  },
);

test('the CRD stays below 100 KB', () => {
  for (const path of ['crds/kcg.dev_kinesisconsumergroups.yaml', 'crds/kcg.dev_kinesisoffsetresets.yaml'])
    expect(Buffer.byteLength(crdFiles().get(path)!)).toBeLessThan(100_000);
});

describe('fields', () => {
  test('each has a description that ends in a full stop', () => {
    const bare = all.filter(
      ([path, { description }]) => !/\.(\[\]|\*)$/.test(path) && !description?.endsWith('.'),
    );
    expect(bare.map(([path]) => path)).toEqual([]);
  });

  test('each string, list, map and number has a bound', () => {
    const unbounded = all.filter(([path, field]) => {
      if (path === '.apiVersion' || path === '.kind' || path === '.status.observedGeneration') return false;
      if (path.endsWith('.observedGeneration')) return false;
      if (field.type === 'string') return field.maxLength === undefined && field.enum === undefined;
      if (field.type === 'array') return field.maxItems === undefined;
      if (field.type === 'integer') return field.maximum === undefined;
      return field.additionalProperties !== undefined && field.maxProperties === undefined;
    });
    expect(unbounded.map(([path]) => path)).toEqual([]);
  });

  test('each pattern is one that the API server can run', () => {
    const patterns = all.flatMap(([, { pattern }]) => (pattern === undefined ? [] : [pattern]));
    expect(patterns.length).toBeGreaterThan(10);
    for (const pattern of patterns) expect(() => RE2JS.compile(pattern)).not.toThrow();
  });
});

describe('rules', () => {
  const rules = [...roots.map((root) => ['', root] as const), ...all].flatMap(([path, schema]) =>
    ((schema[VALIDATIONS] ?? []) as Validation[]).map((rule) => ({ path, ...rule })),
  );

  test('each blames a field that exists', () => {
    const paths = new Set(all.map(([path]) => path));
    for (const { path, fieldPath } of rules) if (fieldPath) expect(paths).toContain(`${path}${fieldPath}`);
  });

  /** A version takes only what the one before it knew: so there is no isIP, which came with 1.30. */
  const IN_KUBERNETES_1_29 =
    /^(has|all|exists|exists_one|filter|map|size|matches|contains|startsWith|endsWith|split|timestamp|duration)$/;

  test('each calls only functions that Kubernetes 1.30 takes', () => {
    const texts = rules.map(({ rule }) => rule.replaceAll(/r?'[^']*'/g, ''));
    const called = texts.flatMap((text) => [...text.matchAll(/([a-zA-Z_]+)\(/g)].map(([, name]) => name));
    expect(called).toContain('has');
    expect(called.filter((name) => !IN_KUBERNETES_1_29.test(name!))).toEqual([]);
  });

  test('each has a message of one line', () => {
    expect(rules.length).toBeGreaterThan(20);
    for (const { message } of rules) expect(message).toMatch(/^[^\n]{10,400}$/);
  });
});

test('columns come in the order people read them', () => {
  const columns = groupCrd().spec.versions[0]!.additionalPrinterColumns;
  const names = (wide: boolean) =>
    columns.filter(({ priority }) => wide || !priority).map(({ name }) => name.toUpperCase());
  expect(names(false).join(' ')).toBe('STREAM SHARDS PODS LAG READY REASON AGE');
  expect(names(true).join(' ')).toBe(
    'STREAM SHARDS PODS LAG READY REASON STATE GROUPID TABLE HEADROOM DESIRED AGE',
  );
});
