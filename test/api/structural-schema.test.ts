import { expect, test } from 'vitest';
import * as z from 'zod';
import { structuralSchema } from '../../src/api/structural-schema.ts';

test('integers get a format instead of the bounds of JavaScript', () => {
  expect(structuralSchema(z.int())).toEqual({ type: 'integer', format: 'int64' });
  expect(structuralSchema(z.int().min(1).max(9))).toEqual({
    type: 'integer',
    format: 'int32',
    minimum: 1,
    maximum: 9,
  });
});

test('fields with a default are not required, and defaults of objects are filled in', () => {
  const inner = z.strictObject({ a: z.string().default('x'), b: z.boolean().optional(), c: z.string() });
  expect(
    structuralSchema(z.strictObject({ inner: inner.partial({ c: true }).prefault({}), must: z.boolean() })),
  ).toEqual({
    type: 'object',
    required: ['must'],
    properties: {
      inner: {
        type: 'object',
        default: { a: 'x' },
        properties: { a: { type: 'string', default: 'x' }, b: { type: 'boolean' }, c: { type: 'string' } },
      },
      must: { type: 'boolean' },
    },
  });
});

test('a loose object keeps what it does not know', () => {
  expect(structuralSchema(z.looseObject({ a: z.string() }))).toEqual({
    type: 'object',
    required: ['a'],
    properties: { a: { type: 'string' } },
    'x-kubernetes-preserve-unknown-fields': true,
  });
});

test('an object without fields has to be empty', () => {
  expect(structuralSchema(z.strictObject({}))).toEqual({
    type: 'object',
    maxProperties: 0,
    'x-kubernetes-preserve-unknown-fields': true,
  });
});

test('a record is a map', () => {
  const schema = z.record(z.string(), z.string().max(3));
  expect(structuralSchema(schema)).toEqual({
    type: 'object',
    additionalProperties: { type: 'string', maxLength: 3 },
  });
});

test('formats that Kubernetes does not know are left out', () => {
  expect(structuralSchema(z.url().max(9))).toEqual({ type: 'string', maxLength: 9 });
  expect(structuralSchema(z.string().meta({ format: 'date-time' }))).toEqual({
    type: 'string',
    format: 'date-time',
  });
});

test.for([
  ['a union', z.union([z.string(), z.int()])],
  [
    'a discriminated union',
    z.discriminatedUnion('t', [z.object({ t: z.literal('a') }), z.object({ t: z.literal('b') })]),
  ],
  ['anything', z.strictObject({ a: z.unknown() })],
  ['a reference', z.strictObject({ a: z.string().meta({ id: 'shared-text' }) })],
  ['two patterns', z.string().regex(/a/).regex(/b/)],
] as const)('%s is refused instead of dropped', ([, schema]) => {
  expect(() => structuralSchema(schema)).toThrow(/a CRD/);
});
