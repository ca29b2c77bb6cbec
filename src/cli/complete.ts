import type { OptionSpec, OptionTable } from '../lib/options.ts';

export interface Candidate {
  value: string;
  description: string;
}

/** What comes at a place of the command line. `files`: the shell's own completion of paths. */
export type Completion =
  | { kind: 'candidates'; candidates: Candidate[] }
  /** `before`: what stands in front of it in the same word, `--context=`. */
  | { kind: 'groups' | 'pods' | 'namespaces' | 'contexts'; prefix: string; before?: string }
  | { kind: 'files' }
  | { kind: 'nothing' };

export interface Known {
  /** Command → one line about it. */
  commands: Readonly<Record<string, string>>;
  /** Of the command that the line names. */
  options: OptionTable;
}

const PATHS: ReadonlySet<string> = new Set([
  'file',
  'kubeconfig',
  'data-file',
  'module',
  'given-up',
  'prices',
  'output-file',
]);
/** Flags whose values the cluster or the kubeconfig knows. */
const LISTED: Readonly<Record<string, 'namespaces' | 'contexts'>> = {
  namespace: 'namespaces',
  context: 'contexts',
};
const GROUP_COMMANDS: ReadonlySet<string> = new Set([
  'cost',
  'describe',
  'export',
  'get',
  'iam',
  'import',
  'compare',
  'leases',
  'logs',
  'pause',
  'put',
  'redrive',
  'report',
  'reset',
  'restart',
  'resume',
  'shards',
  'status',
  'stop',
  'tail',
]);
export const SHELLS = ['bash', 'zsh', 'fish', 'kubectl'] as const;

/**
 * What can stand where the last of `words` is, which may be empty or begun.
 * @param words behind the program's name
 */
export function complete(words: readonly string[], { commands, options }: Known): Completion {
  const current = words.at(-1) ?? '';
  const [command = ''] = words;
  if (words.length <= 1) return candidates(Object.entries(commands), current);
  if (command === 'help') return words.length === 2 ? candidates(Object.entries(commands), current) : NOTHING;
  const inline = /^--([^=]+)=(.*)$/s.exec(current);
  if (inline) return valueOf(inline[1]!, options[inline[1]!], inline[2]!, `--${inline[1]}=`);
  const before = words.slice(1, -1);
  const flag = flagNamed(before.at(-1), options);
  if (flag && flag.spec.type !== 'boolean') return valueOf(flag.name, flag.spec, current, '');
  if (current.startsWith('-')) return flags(before, options, current);
  if (command === 'completion')
    return candidates(
      SHELLS.map((shell) => [shell, '']),
      current,
    );
  if (command === 'drain') return { kind: 'pods', prefix: current };
  if (GROUP_COMMANDS.has(command)) return { kind: 'groups', prefix: current };
  return command === 'install' ? { kind: 'files' } : NOTHING;
}

const NOTHING: Completion = { kind: 'nothing' };

function flagNamed(
  word: string | undefined,
  options: OptionTable,
): { name: string; spec: OptionSpec } | undefined {
  if (word === undefined || !word.startsWith('-')) return undefined;
  const entry = Object.entries(options).find(
    ([name, { short }]) => word === `--${name}` || word === `-${short}`,
  );
  return entry && { name: entry[0], spec: entry[1] };
}

/** `before`: what stands in front of the value in the same word. */
function valueOf(name: string, spec: OptionSpec | undefined, begun: string, before: string): Completion {
  if (!spec) return NOTHING;
  if (spec.type === 'string' && 'choices' in spec && spec.choices)
    return candidates(
      spec.choices.map((choice) => [`${before}${choice}`, '']),
      `${before}${begun}`,
    );
  const kind = LISTED[name];
  if (kind) return { kind, prefix: begun, before };
  return PATHS.has(name) ? { kind: 'files' } : NOTHING;
}

/** Those that are not there yet. */
function flags(before: readonly string[], options: OptionTable, current: string): Completion {
  const isThere = (name: string, { short }: OptionSpec) =>
    before.some((word) => word === `--${name}` || word === `-${short}`);
  const left = Object.entries(options).filter(
    ([name, spec]) => ('many' in spec && spec.many) || !isThere(name, spec),
  );
  const all = left.map(([name, { description }]): [string, string] => [`--${name}`, description]);
  return candidates([...all, ['--help', 'the options of this command']], current);
}

function candidates(all: readonly (readonly [string, string])[], begun: string): Completion {
  const found = all.filter(([value]) => value.startsWith(begun));
  return { kind: 'candidates', candidates: found.map(([value, description]) => ({ value, description })) };
}

/** The namespace that the line names; undefined = none. */
export function namespaceIn(words: readonly string[]): string | undefined {
  for (const [index, word] of words.entries()) {
    if (word.startsWith('--namespace=')) return word.slice('--namespace='.length);
    if ((word === '-n' || word === '--namespace') && index < words.length - 2) return words[index + 1];
  }
  return undefined;
}

/** The value of `--kubeconfig`, `--context` or `--server` that the line names. */
export function flagIn(words: readonly string[], name: string): string | undefined {
  const at = words.indexOf(`--${name}`);
  const inline = words.find((word) => word.startsWith(`--${name}=`));
  return inline?.slice(name.length + 3) ?? (at >= 0 && at < words.length - 2 ? words[at + 1] : undefined);
}

const NO_FILES = 4;

/** As cobra's programs answer their shells, and as kubectl asks its plugins: a line each, then what to do besides. */
export function printCompletion(found: readonly Candidate[], files: boolean): string {
  const lines = found.map(({ value, description }) =>
    description === '' ? value : `${value}\t${description}`,
  );
  return [...lines, `:${files ? 0 : NO_FILES}`].join('\n');
}
