import { globSync, readFileSync } from 'node:fs';

/** What people read: the README, and a page per topic. */
export const PAGES = ['README.md', ...globSync('docs/*.md').sort()];

/** What a block of commands takes that no test of this project has. */
export const NEEDS = ['AWS', 'Docker', 'PyPI', 'a node', 'a registry', 'hours'] as const;

/** A fenced block, and what the comment above it says of who runs it. */
export interface Block {
  page: string;
  /** Of the fence, from 1. */
  line: number;
  /** Behind the fence: `yaml`; nothing of commands. */
  language: string;
  text: string;
  /** `<!-- runs: … -->`: `cluster`, `local`, `node`, or a file of tests. */
  runs?: string | undefined;
  /** `<!-- needs: … -->`: what is not there. */
  needs?: string | undefined;
}

/** The fenced blocks of a page, in order; their indentation taken off. */
export function blocksOf(page: string): Block[] {
  const text = readFileSync(page, 'utf8');
  const fences = text.matchAll(/(?:^ *<!-- (runs|needs): (.+?) -->\n)?^( *)```(\w*)\n([^]*?)^\3```$/gm);
  return [...fences].map((found) => {
    const [whole, mark, value, indent = '', language = '', body = ''] = found;
    const before = text.slice(0, found.index + whole.indexOf('```'));
    return {
      page,
      line: before.split('\n').length,
      language,
      text: body.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
      [mark ?? 'runs']: value,
    };
  });
}

export const BLOCKS = PAGES.flatMap(blocksOf);

/** Of commands. A block without a language is one: a picture or an output is `text`. */
export const COMMAND_BLOCKS = BLOCKS.filter(({ language }) => /^(|sh|bash|console)$/.test(language));

/**
 * A block as a shell takes it: of one that shows a terminal the lines behind `$ ` alone, with the lines that they go on over.
 */
export function scriptOf({ text }: Pick<Block, 'text'>): string {
  if (!/^\$ /m.test(text)) return text;
  const shown = [...text.matchAll(/^\$ ((?:.*\\\n)*.*)$/gm)];
  return shown.map(([, line]) => `${line}\n`).join('');
}

/** Commands of a script whose first word is `program`, as words; redirections, comments and what is piped on are left out. */
export function commandsOf(script: string, program: string): string[][] {
  const commands = [[]] as string[][];
  const end = () => commands.push([]);
  const joined = script.replaceAll('\\\n', ' ');
  const tokens =
    /\s#.*|^#.*|\n|\|\||&&|[|;]|<\(|\)(?=\s|$)|\d?>>?&?\s*\S+|<<?\s*\S+|(?:'[^']*'|"[^"]*"|\\.|[^\s'"|;])+/gm;
  for (const [token] of joined.matchAll(tokens)) {
    if (/^\s?#/.test(token)) continue;
    if (/^(\n|\|\||&&|[|;]|<\(|\))$/.test(token)) end();
    else if (!/^\d?[<>]/.test(token)) commands.at(-1)!.push(unquoted(token));
  }
  return commands.filter(([first]) => first === program);
}

function unquoted(word: string): string {
  return word.replaceAll(
    /'([^']*)'|"([^"]*)"|\\(.)/g,
    (_, a?: string, b?: string, c?: string) => a ?? b ?? c ?? '',
  );
}
