import { readFileSync } from 'node:fs';
import type { Exploration } from './explore.ts';
import { INVARIANTS } from './invariants.ts';
import type { Mutation } from './mutations.ts';

/** The page whose tables are what the searches found. `write-proof.ts` writes them, the tests compare each row. */
export const PAGE = new URL('../../docs/lease-proof.md', import.meta.url);

export const REWRITE = 'docs/lease-proof.md differs: node test/model/write-proof.ts';

const count = (value: number) => value.toLocaleString('en-US');

export function caseRow(name: string, { states, transitions, depth }: Exploration): string {
  return `| ${name} | ${count(states)} | ${count(transitions)} | ${depth} |`;
}

export function mutationRow({ name, on, why }: Mutation, { violation }: Exploration): string {
  const found = violation
    ? `**${violation.invariant}** | ${violation.trace.length}`
    : `nothing: ${why ?? 'UNEXPLAINED'} | –`;
  return `| ${name} | ${found} | ${on} |`;
}

export function invariantRows(): string[] {
  return Object.entries(INVARIANTS).map(([name, what]) => `| **${name}** | ${what} |`);
}

export function page(): string {
  return readFileSync(PAGE, 'utf8');
}

/** For people: every step on its own line, and what is wrong in the end. */
export function tell({ violation }: Exploration): string {
  if (!violation) return '';
  const { trace, invariant, what } = violation;
  const lines = trace.map((step, i) => `${String(i + 1).padStart(3)}  ${step}`);
  return [...lines, `     ${invariant}: ${what}`].join('\n');
}
