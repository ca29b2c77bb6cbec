import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../src/main/commands.ts';
import { parseOptions } from '../../src/lib/options.ts';
import { BLOCKS, COMMAND_BLOCKS, commandsOf, NEEDS, PAGES, scriptOf, type Block } from './pages.ts';

/*
 * Every command of the docs is run by a test, or says what it takes that no test has:
 *
 *   <!-- runs: cluster -->                  commands.cluster.long.test.ts, on a real API server with a group `orders` in `shop`
 *   <!-- runs: local -->                    commands.local.long.test.ts, beside `kcg dev`
 *   <!-- runs: node -->                     test/node/readme.suite.ts, on a real kubelet
 *   <!-- runs: test/….test.ts -->           that file, which names the page
 *   <!-- needs: AWS -->                     nobody: what it takes is in NEEDS
 */

/** Who runs what: the file that picks the blocks with that mark. */
const RUNNERS: Record<string, string> = {
  cluster: 'test/docs/commands.cluster.long.test.ts',
  local: 'test/docs/commands.local.long.test.ts',
  node: 'test/node/readme.suite.ts',
};

const where = ({ page, line }: Block) => `${page}:${line}`;

test('each block of commands is run by a test, or says what it needs', () => {
  const unmarked = COMMAND_BLOCKS.filter(({ runs, needs }) => runs === undefined && needs === undefined);
  expect(unmarked.map(where), 'put <!-- runs: … --> or <!-- needs: … --> above them').toEqual([]);
  for (const block of COMMAND_BLOCKS) {
    const { needs, runs, page } = block;
    if (needs !== undefined) expect(NEEDS, where(block)).toContain(needs);
    else {
      const file = RUNNERS[runs!] ?? runs!;
      expect(existsSync(file), `${where(block)}: ${file}`).toBe(true);
      // One that runs all blocks of its mark, or says which page's commands it stands for.
      const text = readFileSync(file, 'utf8');
      expect(text, `${file} does not name ${page}`).toContain(runs === file ? page : `'${runs}'`);
    }
  }
});

test('marks are above blocks of commands, and nowhere else', () => {
  const marks = PAGES.flatMap((page) => [...readFileSync(page, 'utf8').matchAll(/<!-- (runs|needs): /g)]);
  expect(marks).toHaveLength(COMMAND_BLOCKS.length);
});

/** A line of `kcg` in the words of its own table of options. */
async function parsed([, verb = '', ...argv]: string[]): Promise<void> {
  if (/^(help|--help|--version|-h)$/.test(verb)) return;
  const command = COMMANDS[verb];
  if (!command) throw new Error(`there is no command ${verb}`);
  const table = await (command.options ? command.options() : command.load().then(({ options }) => options));
  const given = argv
    .filter((word) => word !== '--help')
    .map((word) => (word === '…' ? 'http://127.0.0.1:1' : word));
  parseOptions(table, given, {}, { positionals: 9 });
}

describe('kcg takes each line of it', () => {
  const lines = COMMAND_BLOCKS.flatMap((block) => {
    const script = scriptOf(block).replaceAll(/\bkubectl kcg\b/g, 'kcg');
    return commandsOf(script, 'kcg').map((words) => ({ words, at: where(block) }));
  });
  const inline = PAGES.flatMap((page) =>
    [...readFileSync(page, 'utf8').matchAll(/`(kcg [a-z][^`\n]*)`/g)].map(([, line = '']) => ({
      words: commandsOf(line.replaceAll(/(?<!--[\w-]+)\s…/g, ''), 'kcg')[0]!,
      at: page,
    })),
  );

  // It loads what each verb loads.
  test('in blocks and in the text', async () => {
    expect(lines.length).toBeGreaterThan(30);
    const refused: string[] = [];
    for (const { words, at } of [...lines, ...inline])
      await parsed(words).catch((error: Error) =>
        refused.push(`${at}: ${words.join(' ')}: ${error.message}`),
      );
    expect(refused).toEqual([]);
  });
});

test('nothing that runs is in a block of another language', () => {
  const others = BLOCKS.filter(({ language }) => language === 'text');
  for (const block of others) expect(block.text, where(block)).not.toMatch(/^(\$ )?(kcg|kubectl|helm|npm) /m);
});
