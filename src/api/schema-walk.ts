import type { z } from 'zod';

type Schema = z.core.$ZodType;

type Wrapper = z.ZodOptional | z.ZodDefault | z.ZodPrefault | z.ZodCatch;

/* By name: `instanceof` of zod's classes takes many times as long, and each field of each object that is read is asked. */

const WRAPPERS: ReadonlySet<string> = new Set(['optional', 'default', 'prefault', 'catch']);

const typeOf = (schema: Schema | undefined) => schema?._zod.def.type;
const isObject = (schema: Schema | undefined): schema is z.ZodObject => typeOf(schema) === 'object';
const isArray = (schema: Schema | undefined): schema is z.ZodArray => typeOf(schema) === 'array';

/** What is inside optionals, defaults and the like. */
function unwrap(schema: Schema | undefined): Schema | undefined {
  let inner = schema;
  while (inner && WRAPPERS.has(inner._zod.def.type)) inner = (inner as Wrapper).unwrap();
  return inner;
}

/** The fields of the object at `path`; none when there is no object. */
export function fieldsAt(schema: Schema, path: readonly PropertyKey[]): string[] {
  const target = path.reduce<Schema | undefined>((parent, key) => {
    const inner = unwrap(parent);
    if (isObject(inner)) return inner.shape[String(key)] as Schema | undefined;
    if (isArray(inner)) return inner.element;
    return undefined;
  }, schema);
  const object = unwrap(target);
  return isObject(object) ? Object.keys(object.shape) : [];
}

/**
 * `value` without the nulls of fields that have a default: YAML's empty value means the default to an API server, and
 * an error where there is none.
 */
export function withoutNulls(schema: Schema, value: unknown): unknown {
  const object = unwrap(schema);
  if (!isObject(object) || !isFields(value)) return value;
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
  return typeOf(schema) === 'default' || typeOf(schema) === 'prefault';
}

/** `value` without the fields of objects that take no others than those they name, and the paths of what is left out. */
export function withoutUnknown(schema: Schema, value: unknown): { value: unknown; ignored: string[] } {
  const ignored: string[] = [];
  const walk = (schema: Schema | undefined, value: unknown, path: string): unknown => {
    const inner = unwrap(schema);
    if (isArray(inner) && Array.isArray(value))
      return value.map((item, index) => walk(inner.element, item, `${path}[${index}]`));
    if (!isObject(inner) || !isFields(value)) return value;
    const shape = inner.shape as Record<string, Schema>;
    const isClosed = typeOf(unwrap(inner.def.catchall)) === 'never';
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
