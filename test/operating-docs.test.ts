import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { CONDITIONS } from '../src/api/conditions.ts';

const page = readFileSync('docs/operating.md', 'utf8');
const metrics = readFileSync('docs/metrics.md', 'utf8');
const yaml = [...page.matchAll(/```yaml\n(.*?)```/gs)].flatMap(([, text = '']) => parseAllDocuments(text));

interface Rule {
  alert: string;
  expr: string;
}

describe('docs/operating.md', () => {
  test('has YAML that is read without an error', () => {
    expect(yaml.length).toBe(4);
    expect(yaml.flatMap(({ errors }) => errors)).toEqual([]);
  });

  test('alerts on metrics and labels that exist', () => {
    const { spec } = yaml.at(-1)!.toJS() as { spec: { groups: { rules: Rule[] }[] } };
    const rules = spec.groups.flatMap((group) => group.rules);
    expect(rules.length).toBeGreaterThan(5);
    for (const { alert, expr } of rules) {
      const [name = ''] = /kcg_(worker|operator)_\w+/.exec(expr) ?? [];
      const row = metrics.split('\n').find((line) => line.startsWith(`| \`${name}\``));
      expect(row, alert).toBeDefined();
      const own = ['namespace', 'kcg_dev_group'];
      const labels = /by \((.*?)\)/.exec(expr)?.[1]?.split(', ') ?? [];
      for (const label of labels.filter((each) => !own.includes(each)))
        expect(row, alert).toContain(`\`${label}\``);
    }
  });

  test('names conditions and reasons that exist', () => {
    const rows = [...page.matchAll(/^\| `(\w+)` is `(?:True|False)` \|(.*)$/gm)];
    const types = Object.keys(CONDITIONS);
    expect(rows.map(([, type = '']) => type).toSorted()).toEqual(
      types.filter((type) => type !== 'Ready' && type !== 'Reconciling').toSorted(),
    );
    const known = new Set([
      'True',
      'False',
      ...types,
      ...Object.values(CONDITIONS).flatMap((each) => Object.keys(each.reasons)),
    ]);
    for (const [, , text = ''] of rows)
      for (const [, reason = ''] of text.matchAll(/`([A-Z]\w+)`/g)) expect(known).toContain(reason);
  });
});
