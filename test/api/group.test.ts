import { describe, expect, test } from 'vitest';
import { parseGroup } from '../../src/api/group.ts';
import { groupOf, SPEC_TABLE } from './spec-table.ts';

describe('the edge takes and refuses what the table says', () => {
  test.for(SPEC_TABLE.map((each) => [each.name, each] as const))('%s', ([, { refused, ...patch }]) => {
    const parsed = parseGroup(groupOf(patch));
    const problems = parsed.outcome === 'ok' ? [] : parsed.problems;
    if (refused === undefined) expect(problems).toEqual([]);
    else expect(problems.join('\n')).toContain(typeof refused === 'string' ? refused : refused.edge);
  });
});
