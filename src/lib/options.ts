import { parseArgs, styleText } from 'node:util';
import { KcgError } from './errors.ts';

interface OptionBase {
  /** One line for `--help`; states the unit where there is one. */
  description: string;
  /** Environment variable that sets it; the flag wins. */
  env?: string;
  /** One letter alias. */
  short?: string;
}
export type OptionSpec = OptionBase &
  (
    | { type: 'string'; default?: string; choices?: readonly string[]; many?: false }
    | { type: 'string'; many: true; default?: readonly string[] }
    | { type: 'number'; default?: number; min: number; max: number }
    | { type: 'boolean'; default?: boolean }
  );
export type OptionTable = Record<string, OptionSpec>;

type ValueOf<S extends OptionSpec> = S extends { many: true }
  ? string[]
  : S extends { type: 'boolean' }
    ? boolean
    : S extends { type: 'number' }
      ? S extends { default: number }
        ? number
        : number | undefined
      : S extends { choices: readonly (infer C)[]; default: string }
        ? C
        : S extends { default: string }
          ? string
          : string | undefined;
/** What `parseOptions` returns for a table: one property per option, named like its flag in camelCase. */
export type OptionValues<T extends OptionTable> = { [K in keyof T as Camel<K & string>]: ValueOf<T[K]> };
type Camel<S extends string> = S extends `${infer A}-${infer B}` ? `${A}${Capitalize<Camel<B>>}` : S;

export interface ParsedOptions<T extends OptionTable> {
  options: OptionValues<T>;
  positionals: string[];
}

/**
 * Flags, then environment, then default.
 * @throws KcgError `InvalidInput`, with one line that names the flag and what it takes.
 */
export function parseOptions<const T extends OptionTable>(
  table: T,
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  limits: { positionals?: number } = {},
): ParsedOptions<T> {
  let parsed;
  try {
    parsed = parseArgs({
      args: [...argv],
      allowPositionals: (limits.positionals ?? 0) > 0,
      options: Object.fromEntries(Object.entries(table).map(([name, spec]) => [name, flagOf(spec)])),
    });
  } catch (error) {
    throw new KcgError('InvalidInput', firstSentence((error as Error).message), { fix: 'See --help.' });
  }
  if (parsed.positionals.length > (limits.positionals ?? 0)) {
    throw new KcgError('InvalidInput', `unexpected argument '${parsed.positionals.at(-1)}'`, {
      fix: 'See --help.',
    });
  }
  const values: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(table)) {
    const given = parsed.values[name] ?? (spec.env ? env[spec.env] : undefined);
    values[camel(name)] = given === undefined || given === '' ? defaultOf(spec) : convert(name, spec, given);
  }
  return { options: values as OptionValues<T>, positionals: parsed.positionals };
}

function flagOf(spec: OptionSpec) {
  const type: 'boolean' | 'string' = spec.type === 'boolean' ? 'boolean' : 'string';
  return {
    type,
    ...(spec.short ? { short: spec.short } : {}),
    multiple: spec.type === 'string' && spec.many === true,
  };
}

function defaultOf(spec: OptionSpec): unknown {
  if (spec.type === 'boolean') return spec.default ?? false;
  if (spec.type === 'string' && spec.many) return [...(spec.default ?? [])];
  return spec.default;
}

function convert(name: string, spec: OptionSpec, given: unknown): unknown {
  if (spec.type === 'boolean') return given === true || given === 'true' || given === '1';
  if (spec.type === 'number') {
    const value = Number(given);
    if (Number.isInteger(value) && value >= spec.min && value <= spec.max) return value;
    throw new KcgError(
      'InvalidInput',
      `--${name} takes a whole number from ${spec.min} to ${spec.max}, not '${String(given)}'`,
    );
  }
  if (spec.many) return Array.isArray(given) ? given : String(given).split(',');
  if (spec.choices && !spec.choices.includes(String(given))) {
    throw new KcgError(
      'InvalidInput',
      `--${name} takes one of ${spec.choices.join(', ')}, not '${String(given)}'`,
    );
  }
  return given;
}

function camel(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function firstSentence(message: string): string {
  return message.split('. ')[0]?.split('\n')[0] ?? message;
}

/** The option lines of `--help`. */
export function optionHelp(table: OptionTable): string {
  const rows = Object.entries(table).map(([name, spec]) => {
    const value = spec.type === 'boolean' ? '' : spec.type === 'number' ? ' N' : ' VALUE';
    const flag = `${spec.short ? `-${spec.short}, ` : '    '}--${name}${value}`;
    const notes = [
      spec.type === 'string' && !spec.many && spec.choices ? spec.choices.join(' | ') : '',
      spec.default === undefined || spec.default === false ? '' : `default ${String(spec.default)}`,
      spec.env ? `env ${spec.env}` : '',
    ].filter(Boolean);
    return { flag, text: `${spec.description}${notes.length > 0 ? ` (${notes.join('; ')})` : ''}` };
  });
  const width = Math.max(...rows.map((row) => row.flag.length));
  return rows.map((row) => `  ${styleText('cyan', row.flag.padEnd(width))}  ${row.text}`).join('\n');
}
