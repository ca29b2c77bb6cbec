import { anyCase } from './ignore-case.ts';
import { cidrRange, ipDigits, isBetween } from './ip-address.ts';
import { comparableNumber, NumberText } from './number-text.ts';
import { numericRule } from './numeric-rule.ts';
import { PatternRefused } from './refusal.ts';
import { matchesWildcard, wildcardParts } from './wildcard.ts';
import { isMap } from '../lib/is-map.ts';

/** A leaf of an event; a number that cannot be compared is a `NumberText`. */
export type Leaf = string | number | boolean | null | NumberText;

/** What one entry of a field's list asks for: of a value, or that there is none. */
export type ValueRule = { absent: true } | { absent: false; matches: (value: Leaf) => boolean };

const OPERATORS: Record<string, (argument: unknown, path: string) => ValueRule> = {
  exactly: (text, path) => exactly(stringOf(text, path)),
  prefix: (argument, path) => (isObject(argument) ? edge('prefix', argument, path) : prefix(argument, path)),
  suffix: (argument, path) => (isObject(argument) ? edge('suffix', argument, path) : suffix(argument, path)),
  'equals-ignore-case': (text, path) => regular(`^"${anyCase(stringOf(text, path), path)}"$`),
  wildcard: (text, path) => {
    const parts = partsOf(text, path);
    return value((leaf) => typeof leaf === 'string' && matchesWildcard(leaf, parts));
  },
  numeric: (comparisons, path) => value(numericRule(comparisons, path)),
  cidr: (text, path) => {
    const range = cidrRange(stringOf(text, path));
    if (typeof range === 'string') throw new PatternRefused(path, `${JSON.stringify(text)} ${range}`);
    return value((leaf) => isInBlock(leaf, range));
  },
  exists: (argument, path) => {
    if (typeof argument !== 'boolean') throw new PatternRefused(path, 'has to be true or false');
    return argument ? value(() => true) : { absent: true };
  },
  'anything-but': anythingBut,
};

/** @throws PatternRefused */
export function valueRule(entry: unknown, path: string): ValueRule {
  if (typeof entry === 'string') return exactly(entry, true);
  if (entry instanceof NumberText) return value(sameNumber(entry));
  if (entry === null || typeof entry === 'boolean') return value((leaf) => leaf === entry);
  if (!isObject(entry))
    throw new PatternRefused(
      path,
      'has a list in its list; write text, numbers, true, false, null or {"prefix": …} and the like',
    );
  const [name, argument] = onlyEntry(entry, path);
  const operator = Object.hasOwn(OPERATORS, name) ? OPERATORS[name] : undefined;
  if (!operator) {
    throw new PatternRefused(
      path,
      `${JSON.stringify(name)} is no comparison; there are ${Object.keys(OPERATORS).join(', ')}`,
    );
  }
  return operator(argument, `${path}.${name}`);
}

function value(matches: (leaf: Leaf) => boolean): ValueRule {
  return { absent: false, matches };
}

/** A text; one that is an IP address, as an entry of its own, is meant in any spelling. */
function exactly(text: string, isPlain = false): ValueRule {
  const digits = isPlain ? ipDigits(text) : undefined;
  if (digits === undefined) return value((leaf) => leaf === text);
  const itself = { low: digits, high: digits };
  return value((leaf) => leaf === text || isInBlock(leaf, itself));
}

function isInBlock(leaf: Leaf, range: { low: string; high: string }): boolean {
  const digits = typeof leaf === 'string' ? ipDigits(leaf) : undefined;
  return digits !== undefined && isBetween(digits, range);
}

function sameNumber({ text }: NumberText): (leaf: Leaf) => boolean {
  const number = comparableNumber(text);
  if (number !== undefined) return (leaf) => leaf === number;
  return (leaf) => leaf instanceof NumberText && leaf.text === text;
}

/*
 * AWS's engine compares texts together with the quotes around them: a prefix may end with the closing quote, a suffix
 * may begin with the opening one.
 */

function prefix(argument: unknown, path: string): ValueRule {
  const text = stringOf(argument, path);
  return value((leaf) => typeof leaf === 'string' && (leaf.startsWith(text) || `${leaf}"` === text));
}

function suffix(argument: unknown, path: string): ValueRule {
  const text = stringOf(argument, path);
  return value((leaf) => typeof leaf === 'string' && (leaf.endsWith(text) || `"${leaf}` === text));
}

function edge(side: 'prefix' | 'suffix', argument: Record<string, unknown>, path: string): ValueRule {
  const [name, text] = onlyEntry(argument, path);
  if (name !== 'equals-ignore-case')
    throw new PatternRefused(path, `takes a text or {"equals-ignore-case": …}, not ${JSON.stringify(name)}`);
  const source = anyCase(stringOf(text, path), path);
  return regular(side === 'prefix' ? `^"${source}` : `${source}"$`);
}

function regular(source: string): ValueRule {
  const expression = new RegExp(source);
  return value((leaf) => typeof leaf === 'string' && expression.test(`"${leaf}"`));
}

/** Holds for a value of any kind, but not where there is none. */
function anythingBut(argument: unknown, path: string): ValueRule {
  if (!isObject(argument)) {
    const entries = listOf(argument, path);
    const isNumeric = entries.every((entry) => entry instanceof NumberText);
    if (!isNumeric && !entries.every((entry) => typeof entry === 'string')) {
      throw new PatternRefused(path, 'takes texts or numbers, and not both; no true, false, null');
    }
    const values = new Set<unknown>(
      entries.map((entry) => (entry instanceof NumberText ? doubleOf(entry, path) : entry)),
    );
    return value((leaf) => !values.has(leaf));
  }
  const [name, texts] = onlyEntry(argument, path);
  if (!['prefix', 'suffix', 'equals-ignore-case', 'wildcard'].includes(name)) {
    throw new PatternRefused(path, `takes no ${JSON.stringify(name)}`);
  }
  const excluded = listOf(texts, `${path}.${name}`).map((text) => {
    if (text === '' && (name === 'prefix' || name === 'suffix'))
      throw new PatternRefused(`${path}.${name}`, 'is empty: nothing would match');
    return OPERATORS[name]!(stringOf(text, `${path}.${name}`), `${path}.${name}`);
  });
  return value((leaf) => !excluded.some((rule) => !rule.absent && rule.matches(leaf)));
}

function doubleOf({ text }: NumberText, path: string): number {
  const number = comparableNumber(text);
  if (number === undefined) throw new PatternRefused(path, notComparable(text));
  return number;
}

function notComparable(text: string): string {
  return `${text} has more digits than a double has; compare the field as text, or as a plain value`;
}

function listOf(argument: unknown, path: string): unknown[] {
  const list = Array.isArray(argument) ? (argument as unknown[]) : [argument];
  if (list.length === 0) throw new PatternRefused(path, 'is an empty list');
  return list;
}

function partsOf(argument: unknown, path: string): string[] {
  const parts = wildcardParts(stringOf(argument, path));
  if (typeof parts === 'string') throw new PatternRefused(path, `${JSON.stringify(argument)} ${parts}`);
  return parts;
}

function stringOf(argument: unknown, path: string): string {
  if (typeof argument !== 'string') throw new PatternRefused(path, 'takes a text');
  return argument;
}

function onlyEntry(entry: Record<string, unknown>, path: string): [name: string, argument: unknown] {
  const [only, ...more] = Object.entries(entry);
  if (!only || more.length > 0)
    throw new PatternRefused(path, 'has to have exactly one comparison in each pair of braces');
  return only;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return isMap(value) && !(value instanceof NumberText);
}
