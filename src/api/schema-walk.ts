import { z } from 'zod';

type Schema = z.core.$ZodType;

/** What is inside optionals, defaults and the like. */
function unwrap(schema: Schema | undefined): Schema | undefined {
  let inner = schema;
  while (
    inner instanceof z.ZodOptional ||
    inner instanceof z.ZodDefault ||
    inner instanceof z.ZodPrefault ||
    inner instanceof z.ZodCatch
  ) {
    inner = inner.unwrap();
  }
  return inner;
}

/** The fields of the object at `path`; none when there is no object. */
export function fieldsAt(schema: Schema, path: readonly PropertyKey[]): string[] {
  const target = path.reduce<Schema | undefined>((parent, key) => {
    const inner = unwrap(parent);
    if (inner instanceof z.ZodObject) return inner.shape[String(key)] as Schema | undefined;
    if (inner instanceof z.ZodArray) return inner.element;
    return undefined;
  }, schema);
  const object = unwrap(target);
  return object instanceof z.ZodObject ? Object.keys(object.shape) : [];
}

/**
 * `value` without the nulls of fields that have a default: YAML's empty value means the default to an API server, and
 * an error where there is none.
 */
export function withoutNulls(schema: Schema, value: unknown): unknown {
  const object = unwrap(schema);
  if (!(object instanceof z.ZodObject) || !isFields(value)) return value;
  const shape = object.shape as Record<string, Schema>;
  const kept = Object.entries(value).filter(([key, field]) => field !== null || !hasDefault(shape[key]));
  return Object.fromEntries(
    kept.map(([key, field]) => [key, shape[key] ? withoutNulls(shape[key], field) : field]),
  );
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasDefault(schema: Schema | undefined): boolean {
  return schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault;
}

/** `value` without the fields of objects that take no others than those they name, and the paths of what is left out. */
export function withoutUnknown(schema: Schema, value: unknown): { value: unknown; ignored: string[] } {
  const ignored: string[] = [];
  const walk = (schema: Schema | undefined, value: unknown, path: string): unknown => {
    const inner = unwrap(schema);
    if (inner instanceof z.ZodArray && Array.isArray(value))
      return value.map((item, index) => walk(inner.element, item, `${path}[${index}]`));
    if (!(inner instanceof z.ZodObject) || !isFields(value)) return value;
    const shape = inner.shape as Record<string, Schema>;
    const isClosed = unwrap(inner.def.catchall) instanceof z.ZodNever;
    const fields = Object.entries(value).flatMap(([key, field]) => {
      const at = path === '' ? key : `${path}.${key}`;
      if (Object.hasOwn(shape, key)) return [[key, walk(shape[key], field, at)]];
      if (!isClosed) return [[key, field]];
      ignored.push(at);
      return [];
    });
    return Object.fromEntries(fields) as unknown;
  };
  return { value: walk(schema, value, ''), ignored };
}
