import { parseArgs, styleText } from 'node:util';
import { KcgError } from './errors.ts';
import { nearestOf } from './nearest.ts';
import { parseDurationSeconds } from './parse-duration.ts';

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
    | { type: 'url'; default?: string; many?: false }
    /** Several values: the flag again and again, or, unless `whole`, commas between them. */
    | { type: 'string'; many: true; whole?: boolean; default?: readonly string[] }
    /** `isSeconds`: `90`, or as kubectl takes times, `90s` or `5m`. */
    | { type: 'number'; default?: number; min: number; max: number; isSeconds?: boolean }
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

export interface ArgumentLimits {
  /** How many arguments there may be that belong to no flag. Default: none. */
  positionals?: number;
  /** What may be written before each of them, and means nothing. */
  prefix?: RegExp;
}

/**
 * Flags, then environment, then default.
 * @throws KcgError `InvalidInput`, with one line that names the flag and what it takes.
 */
export function parseOptions<const T extends OptionTable>(
  table: T,
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  limits: ArgumentLimits = {},
): ParsedOptions<T> {
  const parsed = parseArgs({
    args: withoutShortEquals(table, argv),
    // What is wrong is told in our words, below.
    strict: false,
    tokens: true,
    allowPositionals: true,
    options: Object.fromEntries(Object.entries(table).map(([name, spec]) => [name, flagOf(spec)])),
  });
  requireKnown(table, parsed.tokens);
  if (parsed.positionals.length > (limits.positionals ?? 0)) {
    const extra = parsed.positionals.at(-1)!;
    const isFile = table['file'] !== undefined && /\.(ya?ml|json)$/.test(extra);
    throw wrong(`unexpected argument '${extra}'`, isFile ? `Did you mean -f ${extra}?` : undefined);
  }
  const values: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(table)) {
    const flag = parsed.values[name];
    const given = flag ?? (spec.env ? variable(env, spec.env) : undefined);
    const source = flag === undefined && spec.env ? spec.env : `--${name}`;
    values[camel(name)] =
      given === undefined || given === '' ? defaultOf(spec) : convert(source, spec, given);
  }
  const { prefix } = limits;
  const positionals = parsed.positionals.map((text) => (prefix ? text.replace(prefix, '') : text));
  if (positionals.includes(''))
    throw wrong('an argument is empty', 'Write a name; a variable of the shell may be unset.');
  return { options: values as OptionValues<T>, positionals };
}

/** `-n=shop`, as kubectl takes it beside `-n shop` and `-nshop`. */
function withoutShortEquals(table: OptionTable, argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  return argv.map((text, index) => {
    const [, letter, value] = ((end === -1 || index < end) && /^-(\w)=(.*)$/s.exec(text)) || [];
    const name = Object.keys(table).find((name) => letter !== undefined && table[name]!.short === letter);
    return name === undefined ? text : `--${name}=${value}`;
  });
}

/**
 * Kubernetes gives the pods of a namespace the address of each Service there: one named `kcg` comes as
 * `KCG_PORT=tcp://10.96.0.5:80`, which nobody meant for an option.
 */
function variable(env: NodeJS.ProcessEnv, name: string): string | undefined {
  const value = env[name];
  return name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value ?? '') ? undefined : value;
}

type Token = NonNullable<ReturnType<typeof parseArgs>['tokens']>[number];

/** Each flag is one of ours, has a value where it takes one, and is there once where one is meant. */
function requireKnown(table: OptionTable, tokens: readonly Token[]): void {
  const seen = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const { name, rawName, value, inlineValue } = token;
    const spec = Object.hasOwn(table, name) ? table[name] : undefined;
    if (!spec) {
      const near = nearestOf(name, Object.keys(table));
      throw wrong(
        `there is no option ${rawName}`,
        near === undefined ? undefined : `Did you mean --${near}?`,
      );
    }
    if (spec.type === 'boolean') {
      if (value !== undefined) throw wrong(`${rawName} takes no value, not '${value}'`);
      continue;
    }
    // A flag after a flag is a value forgotten; a number may well begin with a minus.
    const isFlag = !inlineValue && /^--?[a-z]/i.test(value ?? '');
    if (value === undefined || isFlag || (value === '' && spec.type === 'number')) {
      throw wrong(`${rawName} needs a value`, `Write ${rawName}${valueName(spec)}.`);
    }
    const isMany = spec.type === 'string' && spec.many === true;
    if (seen.has(name) && !isMany) throw wrong(`${rawName} is there twice`, 'Remove one of the two.');
    seen.add(name);
  }
}

const SEE_HELP = { fix: 'See --help.' };

function wrong(message: string, fix = SEE_HELP.fix): KcgError {
  return new KcgError('InvalidInput', message, { fix });
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

/** @param source the flag or the environment variable that was given */
function convert(source: string, spec: OptionSpec, given: unknown): unknown {
  const refuse = (what: string) =>
    new KcgError('InvalidInput', `${source} takes ${what}, not '${String(given)}'`);
  if (spec.type === 'boolean') {
    if (given === true || given === 'true' || given === '1') return true;
    if (given === 'false' || given === '0') return false;
    throw refuse('true or false');
  }
  if (spec.type === 'number') {
    const text = String(given);
    const isTime = spec.isSeconds === true && /[a-z]$/i.test(text);
    // Number() alone takes blanks for 0, and 0x10.
    const number = /^-?\d+(e\d+)?$/i.test(text) ? Number(text) : NaN;
    const value = isTime ? parseDurationSeconds(source, text) : number;
    if (Number.isInteger(value) && value >= spec.min && value <= spec.max) return value;
    const range = `from ${spec.min} to ${spec.max}`;
    throw refuse(spec.isSeconds ? `seconds ${range}, or a time such as 5m` : `a whole number ${range}`);
  }
  if (spec.type === 'url') {
    if (isHttpUrl(String(given))) return given;
    throw refuse('a URL such as http://127.0.0.1:8000');
  }
  if (spec.many)
    return [given].flat().flatMap((each) => (spec.whole ? [String(each)] : String(each).split(',')));
  if (spec.choices && !spec.choices.includes(String(given))) {
    throw refuse(`one of ${spec.choices.join(', ')}`);
  }
  return given;
}

function isHttpUrl(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text);
}

function camel(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

const VALUE_NAMES = { boolean: '', number: ' N', string: ' VALUE', url: ' URL' };

function valueName(spec: OptionTable[string]): string {
  return spec.type === 'string' && !spec.many && spec.choices
    ? ` ${spec.choices.join('|')}`
    : VALUE_NAMES[spec.type];
}

/** The option lines of `--help`. */
export function optionHelp(table: OptionTable): string {
  const rows = Object.entries(table).map(([name, spec]) => {
    const value = VALUE_NAMES[spec.type];
    const flag = `${spec.short ? `-${spec.short}, ` : '    '}--${name}${value}`;
    const notes = [
      spec.type === 'string' && !spec.many && spec.choices ? spec.choices.join(' | ') : '',
      spec.default === undefined || spec.default === false || spec.default === ''
        ? ''
        : `default ${String(spec.default)}`,
      spec.env ? `env ${spec.env}` : '',
    ].filter(Boolean);
    return { flag, text: `${spec.description}${notes.length > 0 ? ` (${notes.join('; ')})` : ''}` };
  });
  const width = Math.max(...rows.map((row) => row.flag.length));
  return rows.map((row) => `  ${styleText('cyan', row.flag.padEnd(width))}  ${row.text}`).join('\n');
}
