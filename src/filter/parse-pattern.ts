import { NumberText, parseWithNumbers } from './number-text.ts';
import { PatternRefused } from './refusal.ts';
import { isObject, valueRule, type ValueRule } from './value-rule.ts';

/** Rules of each field, by its path; all fields have to match, each by any of its rules. */
export type Alternative = ReadonlyMap<string, readonly ValueRule[]>;

/** `$or` beside `$or` multiplies; EventBridge has this bound too. */
const MAX_ALTERNATIVES = 1_000;

/** Names that AWS's engine keeps for itself inside of `$or`. */
const RESERVED: ReadonlySet<string> = new Set(
  `exactly equals-ignore-case prefix suffix anything-but exists wildcard numeric cidr = < <= > >= regex not-wildcard
  not-equals-ignore-case date-after date-on-or-after date-before date-on-or-before in-date-range ip-address-in-range
  ip-address-not-in-range`.split(/\s+/),
);

/**
 * A pattern in the form of AWS Lambda's FilterCriteria, as the alternatives of which one has to match. Held to Maven
 * software.amazon.event.ruler:event-ruler: `docs/handlers.md` says where the two differ.
 * @throws PatternRefused
 */
export function parsePattern(json: string): Alternative[] {
  const pattern = readJson(json);
  if (!isObject(pattern)) throw new PatternRefused('', 'a pattern is a JSON object');
  try {
    return new PatternReader(true).read(pattern);
  } catch (refused) {
    if (!json.includes('"$or"')) throw refused;
    try {
      return new PatternReader(false).read(pattern);
    } catch {
      throw refused;
    }
  }
}

function readJson(json: string): unknown {
  let pattern: unknown;
  let keys = 0;
  try {
    pattern = parseWithNumbers(json, (text) => new NumberText(text));
  } catch {
    throw new PatternRefused('', 'is not JSON');
  }
  const count = (value: unknown): void => {
    if (isObject(value)) keys += Object.keys(value).length;
    if (isObject(value) || Array.isArray(value)) Object.values(value).forEach(count);
  };
  count(pattern);
  if (keys !== (json.match(/"(?:[^"\\]|\\.)*"\s*:/g) ?? []).length)
    throw new PatternRefused('', 'has a key twice in one pair of braces; the first would be ignored');
  return pattern;
}

type Branches = Map<string, readonly ValueRule[]>[];

/** With `hasOr` false, `$or` is a field like any other: as such AWS's engine takes what it cannot take as alternatives. */
class PatternReader {
  readonly #hasOr: boolean;

  constructor(hasOr: boolean) {
    this.#hasOr = hasOr;
  }

  read(pattern: Record<string, unknown>): Branches {
    return this.#object([], pattern, '', false);
  }

  /** What comes later holds in all branches so far, and replaces what they say of the same path. */
  #object(branches: Branches, object: Record<string, unknown>, path: string, insideOr: boolean): Branches {
    const entries = Object.entries(object);
    if (entries.length === 0) throw new PatternRefused(path, 'is empty; name a field');
    let all = branches;
    for (const [key, value] of entries) all = this.#entry(all, key, value, { path, insideOr });
    return all;
  }

  #entry(
    branches: Branches,
    key: string,
    value: unknown,
    { path, insideOr }: { path: string; insideOr: boolean },
  ): Branches {
    const at = path === '' ? key : `${path}.${key}`;
    if (key === '$or' && this.#hasOr) return this.#or(branches, value, path);
    if (insideOr && RESERVED.has(key)) throw new PatternRefused(at, 'this name cannot be used inside of $or');
    if (key.split('.').includes(''))
      throw new PatternRefused(at, 'has an empty name, by which nothing is found');
    if (isObject(value)) return this.#object(branches, value, at, insideOr);
    if (!Array.isArray(value))
      throw new PatternRefused(at, 'has to be a list of values, such as ["a", "b"], or an object of fields');
    if (value.length === 0) throw new PatternRefused(at, 'is an empty list: nothing would match');
    if (!this.#hasOr) for (const entry of value as unknown[]) refuseNewer(entry, at);
    const rules = (value as unknown[]).map((entry) => valueRule(entry, at));
    const all = branches.length > 0 ? branches : [new Map<string, readonly ValueRule[]>()];
    for (const branch of all) branch.set(at, rules);
    return all;
  }

  #or(branches: Branches, value: unknown, path: string): Branches {
    const at = path === '' ? '$or' : `${path}.$or`;
    if (!Array.isArray(value)) throw new PatternRefused(at, 'has to be a list of objects');
    if (value.length < 2) throw new PatternRefused(at, 'has to have two alternatives at least');
    const before = branches.length > 0 ? branches : [new Map<string, readonly ValueRule[]>()];
    const all: Branches = [];
    for (const alternative of value as unknown[]) {
      if (!isObject(alternative)) throw new PatternRefused(at, 'has to be a list of objects');
      const copies = before.map((branch) => new Map(branch));
      all.push(...this.#object(copies, alternative, path, true));
      if (all.length > MAX_ALTERNATIVES) {
        throw new PatternRefused(at, `makes more than ${MAX_ALTERNATIVES} combinations; write fewer`);
      }
    }
    return all;
  }
}

/** What AWS's engine takes only where it takes `$or` as alternatives. */
function refuseNewer(entry: unknown, path: string): void {
  const excluded = isObject(entry) ? entry['anything-but'] : undefined;
  if (!isObject(excluded)) return;
  const { wildcard, prefix, suffix } = excluded;
  if (wildcard !== undefined || Array.isArray(prefix) || Array.isArray(suffix))
    throw new PatternRefused(path, 'this anything-but cannot stand beside a field named $or');
}
