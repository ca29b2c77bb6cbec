import type { Rule } from './rule.ts';

/*
 * What the schema has and this release does not do yet. Each entry is refused when it is applied, so that nobody runs
 * with a setting that has no effect. When something works, its entry goes away; the schema stays as it is.
 */
interface NotYet {
  /** Under spec. Every parent has a default or is required, so the path can be followed without asking. */
  path: string;
  /** `unset`, or the values that work. */
  allowed: 'unset' | readonly (string | number | boolean)[];
  message: string;
}

export const NOT_YET: readonly NotYet[] = [];

/** The list above as rules on `spec`. */
export const notYetRules: readonly Rule<unknown>[] = NOT_YET.map(({ path, allowed, message }) => ({
  path,
  message,
  cel: allowed === 'unset' ? `!has(self.${path})` : `self.${path} in [${allowed.map(literal).join(', ')}]`,
  holds: (spec) => {
    const value = path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], spec);
    return allowed === 'unset' ? value === undefined : allowed.includes(value as string);
  },
}));

function literal(value: string | number | boolean): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}
