/*
 * Writes the tables of docs/lease-proof.md.
 *   node test/model/write-proof.ts                     all but that of the large cases
 *   node test/model/write-proof.ts --large             that one too: an hour, and gigabytes
 *   node test/model/write-proof.ts --large <name>      its row of one case
 *   node test/model/write-proof.ts --trace <part>      prints the traces of the mutations whose name contains <part>
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { CASES, CI_CASES, LARGE_CASES, type LargeCaseName } from './cases.ts';
import { explore } from './explore.ts';
import { MUTATIONS } from './mutations.ts';
import { caseRow, invariantRows, mutationRow, page, PAGE, tell } from './proof.ts';

const [flag, part = ''] = process.argv.slice(2);

function between(text: string, name: string, rows: readonly string[]): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from)
    throw new Error(`docs/lease-proof.md has no place for ${name}: add ${begin} and ${end}`);
  return `${text.slice(0, from)}${begin}\n\n${rows.join('\n')}\n\n${text.slice(to)}`;
}

/** With what it took this process, which therefore explores nothing else. */
function largeRow(name: LargeCaseName): string {
  const row = caseRow(name, explore(LARGE_CASES[name]));
  const seconds = Math.ceil(process.cpuUsage().user / 1e6);
  const gigabytes = (process.resourceUsage().maxRSS / 1e6).toFixed(1);
  return `${row} ${seconds} s | ${gigabytes} GB | ${CI_CASES.has(name) ? 'CI' : 'by the flag'} |`;
}

function withLargeCases(text: string): string {
  const rows = Object.keys(LARGE_CASES).map((name) => {
    const args = ['--max-old-space-size=12000', import.meta.filename, '--large', name];
    return execFileSync(process.execPath, args, { encoding: 'utf8' }).trim();
  });
  return between(text, 'large cases', [
    '| case | states | steps | farthest | CPU | memory | explored in |',
    '| --- | ---: | ---: | ---: | ---: | ---: | --- |',
    ...rows,
  ]);
}

function tables(): string {
  const cases = Object.entries(CASES).map(([name, model]) => caseRow(name, explore(model)));
  const mutations = MUTATIONS.map((mutation) => mutationRow(mutation, explore(mutation.model)));
  const traces = MUTATIONS.filter(({ isShown }) => isShown).flatMap((mutation) => [
    `${mutation.name}:`,
    '',
    '```',
    tell(explore(mutation.model)),
    '```',
    '',
  ]);
  let text = page();
  text = between(text, 'invariants', ['| | what holds |', '| --- | --- |', ...invariantRows()]);
  text = between(text, 'cases', [
    '| case | states | steps | farthest |',
    '| --- | ---: | ---: | ---: |',
    ...cases,
  ]);
  text = between(text, 'mutations', [
    '| taken away | violates | in steps | case |',
    '| --- | --- | ---: | --- |',
    ...mutations,
  ]);
  return between(text, 'traces', traces.slice(0, -1));
}

if (flag === '--trace') {
  for (const mutation of MUTATIONS.filter(({ name }) => name.includes(part))) {
    process.stdout.write(`${mutation.name}\n${tell(explore(mutation.model)) || 'nothing is violated'}\n\n`);
  }
} else if (flag === '--large' && part !== '') {
  process.stdout.write(`${largeRow(part as LargeCaseName)}\n`);
} else {
  const text = tables();
  writeFileSync(PAGE, flag === '--large' ? withLargeCases(text) : text);
}
