import * as z from 'zod';
import { isMap } from '../lib/is-map.ts';

/** A schema as a CustomResourceDefinition takes it. */
export interface StructuralSchema {
  /** Absent where anything goes. */
  type?: string;
  description?: string;
  properties?: Record<string, StructuralSchema>;
  additionalProperties?: StructuralSchema;
  items?: StructuralSchema;
  required?: string[];
  default?: unknown;
  enum?: unknown[];
  format?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  maxItems?: number;
  maxProperties?: number;
  pattern?: string;
  [keyword: string]: unknown;
}

type Json = Record<string, unknown>;

/** Keywords that a CRD takes and that need no change. */
const KEPT = [
  'type',
  'description',
  'default',
  'enum',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'maxProperties',
  'pattern',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-validations',
  'x-kubernetes-preserve-unknown-fields',
] as const;
/** Keywords that say the same in another way, or that Kubernetes ignores. */
const DROPPED: ReadonlySet<string> = new Set(['$schema', 'propertyNames']);
const CHANGED: ReadonlySet<string> = new Set([
  'properties',
  'additionalProperties',
  'items',
  'required',
  'format',
  'allOf',
]);
const FORMATS: ReadonlySet<string> = new Set(['date-time', 'int32', 'int64']);
const INT32_MAX = 2 ** 31 - 1;

/**
 * What the API server needs to check and fill what people write (hence `io: 'input'`: fields with a default are not
 * required). Kubernetes takes a subset of OpenAPI 3.0 that it calls structural: no references, a type everywhere but where anything goes, no unions,
 * and either named properties or additional ones. See "Specifying a structural schema" in the Kubernetes documentation.
 * @throws Error when the schema has something that the subset cannot say
 */
export function structuralSchema(schema: z.ZodType): StructuralSchema {
  const options = { target: 'openapi-3.0', io: 'input', unrepresentable: 'throw', cycles: 'throw' } as const;
  return structural(z.toJSONSchema(schema, options) as Json, '');
}

function structural(from: Json, path: string): StructuralSchema {
  for (const keyword of Object.keys(from)) {
    const known =
      DROPPED.has(keyword) || CHANGED.has(keyword) || (KEPT as readonly string[]).includes(keyword);
    if (!known) throw new Error(`${path || 'the schema'}: a CRD cannot say ${keyword}`);
  }
  const isAnything = from['x-kubernetes-preserve-unknown-fields'] === true;
  if (typeof from['type'] !== 'string' && !isAnything)
    throw new Error(`${path || 'the schema'}: a CRD needs a type`);
  const schema: Json = {};
  for (const keyword of KEPT) if (from[keyword] !== undefined) schema[keyword] = from[keyword];
  if (from['type'] === 'integer') bound(schema);
  if (FORMATS.has(String(from['format']))) schema['format'] = from['format'];
  if (from['allOf'] !== undefined) Object.assign(schema, onlyPattern(from['allOf'] as Json[], path));
  if (from['required'] !== undefined && (from['required'] as string[]).length > 0)
    schema['required'] = from['required'];
  if (from['items'] !== undefined) schema['items'] = structural(from['items'] as Json, `${path}[]`);
  if (from['type'] === 'object') Object.assign(schema, fields(from, path));
  const done = schema as unknown as StructuralSchema;
  if (isMap(done.default)) done.default = filled(done.default, done);
  return done;
}

/** The API server runs the rules on a default as it is written, before it fills in the defaults below it. */
function filled(value: Json, { properties = {} }: StructuralSchema): Json {
  const defaults = Object.entries(properties).filter(([, field]) => field.default !== undefined);
  return { ...Object.fromEntries(defaults.map(([name, field]) => [name, field.default])), ...value };
}

/** zod writes the bounds of a safe integer on every integer; Kubernetes wants a format instead. */
function bound(schema: Json): void {
  if (schema['minimum'] === Number.MIN_SAFE_INTEGER) delete schema['minimum'];
  if (schema['maximum'] === Number.MAX_SAFE_INTEGER) delete schema['maximum'];
  const maximum = schema['maximum'] as number | undefined;
  schema['format'] = maximum !== undefined && maximum <= INT32_MAX ? 'int32' : 'int64';
}

function onlyPattern(parts: Json[], path: string): Json {
  const [part] = parts;
  if (parts.length !== 1 || typeof part?.['pattern'] !== 'string')
    throw new Error(`${path}: a CRD cannot say allOf`);
  return { pattern: part['pattern'] };
}

/**
 * An object that has to be empty. Without fields it would be pruned in silence by a server-side apply; kept and
 * counted, it is refused.
 */
const EMPTY: Json = { maxProperties: 0, 'x-kubernetes-preserve-unknown-fields': true };

/** Named fields, or a map; a loose object keeps what it does not know. */
function fields(from: Json, path: string): Json {
  const additional = from['additionalProperties'];
  const named = Object.entries((from['properties'] ?? {}) as Record<string, Json>);
  if (named.length === 0 && isTyped(additional))
    return { additionalProperties: structural(additional, `${path}.*`) };
  const properties = Object.fromEntries(
    named.map(([name, field]) => [name, structural(field, path === '' ? name : `${path}.${name}`)]),
  );
  if (named.length === 0 && additional === false) return EMPTY;
  const isLoose = additional !== undefined && additional !== false;
  return {
    ...(named.length > 0 ? { properties } : {}),
    ...(isLoose ? { 'x-kubernetes-preserve-unknown-fields': true } : {}),
  };
}

function isTyped(schema: unknown): schema is Json {
  return isMap(schema) && 'type' in schema;
}
