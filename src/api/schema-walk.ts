import type { z } from 'zod';
import { isMap } from '../lib/is-map.ts';

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
  if (!isObject(object) || !isMap(value)) return value;
  const shape = object.shape as Record<string, Schema>;
  return changedFields(value, (name, field) => {
    if (!Object.hasOwn(shape, name)) return field;
    return field === null && hasDefault(shape[name]) ? LEFT_OUT : withoutNulls(shape[name]!, field);
  });
}

const LEFT_OUT = Symbol('left out');

/** `fields` with each as `change` gives it; the very object where nothing differs, as most are read that way. */
function changedFields(fields: Fields, change: (name: string, field: unknown) => unknown): Fields {
  let changed: Fields | undefined;
  for (const name of Object.keys(fields)) {
    const field = change(name, fields[name]);
    if (field === fields[name]) continue;
    changed ??= { ...fields };
    if (field === LEFT_OUT) delete changed[name];
    else changed[name] = field;
  }
  return changed ?? fields;
}

type Fields = Record<string, unknown>;

function hasDefault(schema: Schema | undefined): boolean {
  return typeOf(schema) === 'default' || typeOf(schema) === 'prefault';
}

/** `value` without the fields of objects that take no others than those they name, and the paths of what is left out. */
export function withoutUnknown(schema: Schema, value: unknown): { value: unknown; ignored: string[] } {
  const ignored: string[] = [];
  const walk = (schema: Schema | undefined, value: unknown, path: string): unknown => {
    const inner = unwrap(schema);
    if (isArray(inner) && Array.isArray(value)) {
      const items = value.map((item, index) => walk(inner.element, item, `${path}[${index}]`));
      return items.every((item, index) => item === value[index]) ? value : items;
    }
    if (!isObject(inner) || !isMap(value)) return value;
    const shape = inner.shape as Record<string, Schema>;
    const isClosed = typeOf(unwrap(inner.def.catchall)) === 'never';
    return changedFields(value, (name, field) => {
      const at = () => (path === '' ? name : `${path}.${name}`);
      if (Object.hasOwn(shape, name))
        return typeof field === 'object' ? walk(shape[name], field, at()) : field;
      if (!isClosed) return field;
      ignored.push(at());
      return LEFT_OUT;
    });
  };
  return { value: walk(schema, value, ''), ignored };
}
