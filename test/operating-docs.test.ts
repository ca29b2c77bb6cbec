import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CONDITIONS } from '../src/api/conditions.ts';
import { alertRules } from './support/alerts.ts';

const page = readFileSync('docs/operating.md', 'utf8');

describe('docs/operating.md', () => {
  test('lists the alerts, each with its severity', () => {
    const rows = [...page.matchAll(/^\| `(Kcg\w+)` \| (\w+) \|/gm)].map(([, alert, severity]) => [
      alert,
      severity,
    ]);
    expect(rows).toEqual(alertRules().map(({ alert, labels }) => [alert, labels['severity']]));
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
