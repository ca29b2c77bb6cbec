import { FieldReader } from './event-fields.ts';
import { matchesAll, type Key } from './matches-all.ts';
import { parsePattern } from './parse-pattern.ts';
import type { ValueRule } from './value-rule.ts';

/** Patterns, compiled once; an event passes when one of them matches. */
export class Filter {
  readonly #alternatives: Key[][];
  readonly #fields: FieldReader;
  /** Every path that a pattern looks at. */
  readonly paths: readonly string[];

  /** @throws PatternRefused */
  constructor(patterns: readonly string[]) {
    const alternatives = patterns.flatMap(parsePattern);
    this.paths = [...new Set(alternatives.flatMap((alternative) => [...alternative.keys()]))];
    const indexOf = new Map(this.paths.map((path, index) => [path, index]));
    this.#alternatives = alternatives.map((alternative) =>
      // In this order the fields of one object stand together, and AWS's engine asks for absent ones.
      [...alternative].toSorted(byPath).map(([path, rules]) => keyOf(path, indexOf.get(path)!, rules)),
    );
    this.#fields = new FieldReader(this.paths);
  }

  /**
   * `isKnown` false of a path: nothing that looks at it matches.
   * @throws RangeError when the event is too deep
   */
  matches(event: object, isKnown?: (path: string) => boolean): boolean {
    const fields = this.#fields.read(event);
    return this.#alternatives.some(
      (keys) => (!isKnown || keys.every(({ path }) => isKnown(path))) && matchesAll(keys, fields),
    );
  }
}

type PathRules = [path: string, rules: readonly ValueRule[]];

function byPath([a]: PathRules, [b]: PathRules): number {
  return a < b ? -1 : 1;
}

function keyOf(path: string, index: number, rules: readonly ValueRule[]): Key {
  const tests = rules.flatMap((rule) => (rule.absent ? [] : [rule.matches]));
  const [only] = tests;
  return {
    path,
    index,
    mayBeAbsent: rules.some(({ absent }) => absent),
    matches: tests.length === 1 ? only! : (value) => tests.some((test) => test(value)),
  };
}
