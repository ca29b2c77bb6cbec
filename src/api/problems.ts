import type { z } from 'zod';
import { nearestOf } from '../lib/nearest.ts';
import { fieldsAt } from './schema-walk.ts';

type Issue = z.core.$ZodIssue;

/** Fields that are named of a section that is missing. */
const NAMED_FIELDS = 4;

/** One line per issue: path, what is wrong, what to write instead. */
export function problemsOf(schema: z.ZodType, input: unknown, issues: readonly Issue[]): string[] {
  return issues.flatMap((issue) => linesOf(schema, input, issue));
}

function linesOf(schema: z.ZodType, input: unknown, issue: Issue): string[] {
  if (issue.code === 'unrecognized_keys') {
    const known = fieldsAt(schema, issue.path);
    return issue.keys.map((key) => `${at([...issue.path, key])}: unknown field; ${suggestion(key, known)}`);
  }
  const value = valueAt(input, issue.path);
  if (issue.code === 'invalid_type' && value === undefined) {
    const fields = issue.expected === 'object' ? some(fieldsAt(schema, issue.path)) : '';
    return [`${at(issue.path)}: is required; set it to ${article(issue.expected)}${fields}`];
  }
  return [`${at(issue.path)}: ${wrong(issue, value)}`];
}

function some(fields: readonly string[]): string {
  if (fields.length === 0) return '';
  return `: ${fields.slice(0, NAMED_FIELDS).join(', ')}${fields.length > NAMED_FIELDS ? ', …' : ''}`;
}

function wrong(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      if (value === null)
        return `is empty; set it to ${article(issue.expected)}${empty(issue.expected)}, or remove it`;
      return `has to be ${article(issue.expected)}, not ${shown(value)}`;
    case 'invalid_value':
      if (value === undefined) return `is required; set it to ${issue.values.map(String).join(' or ')}`;
      if (issue.values.length === 1) return `has to be ${String(issue.values[0])}, not ${shown(value)}`;
      return `${shown(value)} is not one of ${issue.values.map(String).join(', ')}${near(value, issue.values)}`;
    case 'too_big':
      return `${size(issue.origin, value)} is too much; write at most ${count(issue.maximum, issue.origin)}`;
    case 'too_small':
      return `${size(issue.origin, value)} is too little; write at least ${count(issue.minimum, issue.origin)}`;
    case 'invalid_format':
      return `${shown(value)} ${issue.message}`;
    case 'custom':
    case 'not_multiple_of':
    case 'unrecognized_keys':
    case 'invalid_union':
    case 'invalid_key':
    case 'invalid_element':
      return issue.message;
  }
}

const ARTICLES: Record<string, string> = {
  object: 'a map of fields',
  record: 'a map of strings',
  array: 'a list',
  int: 'a whole number',
  number: 'a whole number',
  string: 'a string',
  boolean: 'true or false',
};
const article = (type: string): string => ARTICLES[type] ?? type;
const empty = (type: string): string => (type === 'object' || type === 'record' ? ', {} for none' : '');

const UNITS: Record<string, [one: string, many: string]> = {
  string: ['character', 'characters'],
  array: ['entry', 'entries'],
};

function count(amount: number | bigint, origin: string): string {
  const [one, many] = UNITS[origin] ?? [];
  return many === undefined ? String(amount) : `${amount} ${Number(amount) === 1 ? one : many}`;
}

function size(origin: string, value: unknown): string {
  return origin in UNITS ? count((value as ArrayLike<unknown>).length, origin) : shown(value);
}

function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value);
  return json.length > 80 ? `${json.slice(0, 77)}…` : json;
}

function at(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the group';
  return path
    .map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`))
    .join('');
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key],
    input,
  );
}

function suggestion(key: string, known: readonly string[]): string {
  const nearest = nearestOf(key, known);
  if (nearest !== undefined) return `did you mean ${nearest}?`;
  return known.length > 0 ? `the fields here are ${known.join(', ')}` : 'there are no fields here; remove it';
}

function near(value: unknown, values: readonly unknown[]): string {
  const nearest = typeof value === 'string' ? nearestOf(value, values.map(String)) : undefined;
  return nearest === undefined ? '' : `; did you mean ${nearest}?`;
}
