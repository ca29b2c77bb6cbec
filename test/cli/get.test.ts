import { describe, expect, test } from 'vitest';
import { groupTable, printGroups, type ListedGroup } from '../../src/cli/get.ts';
import { printTable } from '../../src/cli/print-table.ts';

const NOW = Date.UTC(2026, 10, 23, 12);
const READY = {
  type: 'Ready',
  status: 'True',
  reason: 'Available',
  message: '',
  lastTransitionTime: '',
} as const;

function group(name: string, more: Partial<ListedGroup> = {}): ListedGroup {
  return {
    metadata: { name, namespace: 'shop', creationTimestamp: '2026-11-23T11:55:00Z' },
    spec: { stream: { name: 'orders' }, desiredState: 'Running' },
    status: {
      groupId: `shop.${name}`,
      conditions: [READY],
      summary: { shards: '8/8', pods: '4/4', lag: '12s' },
      table: { name: 't' },
      lag: { retentionHeadroomPercent: 99 },
      scaling: { desired: 4 },
    },
    ...more,
  };
}
const input = { options: { allNamespaces: false, output: undefined }, isOne: false, now: NOW };

describe('kcg get', () => {
  test('prints what kubectl prints', () => {
    expect(printGroups({ ...input, groups: [group('orders'), group('a')] })).toBe(
      [
        'NAME     STREAM   SHARDS   PODS   LAG   READY   REASON      AGE',
        'a        orders   8/8      4/4    12s   True    Available   5m',
        'orders   orders   8/8      4/4    12s   True    Available   5m',
      ].join('\n'),
    );
  });

  test('prints more with -o wide', () => {
    expect(groupTable([group('orders')], NOW, true)).toEqual([
      [
        'NAME',
        'STREAM',
        'SHARDS',
        'PODS',
        'LAG',
        'READY',
        'REASON',
        'STATE',
        'GROUPID',
        'TABLE',
        'HEADROOM',
        'DESIRED',
        'AGE',
      ],
      [
        'orders',
        'orders',
        '8/8',
        '4/4',
        '12s',
        'True',
        'Available',
        'Running',
        'shop.orders',
        't',
        '99',
        '4',
        '5m',
      ],
    ]);
  });

  test('prints a group that nobody has looked at yet', () => {
    const [, row] = groupTable([{ metadata: { name: 'new' } }], NOW, false);
    expect(row).toEqual(['new', '', '', '', '', '', '', '<unknown>']);
  });

  test('prints namespaces with -A, in order', () => {
    const other = group('z', { metadata: { name: 'z', namespace: 'a' } });
    const text = printGroups({
      ...input,
      options: { allNamespaces: true, output: undefined },
      groups: [group('orders'), other],
    });
    expect(text.split('\n').map((line) => line.split(/\s+/)[0])).toEqual(['NAMESPACE', 'a', 'shop']);
  });

  test.each<['json' | 'yaml', (text: string) => unknown]>([
    ['json', (text: string) => JSON.parse(text) as unknown],
    [
      'yaml',
      (text: string) => (text.startsWith('apiVersion: v1\nkind: List\n') ? { kind: 'List' } : undefined),
    ],
  ])('prints %s', (output, read) => {
    const options = { allNamespaces: false, output } as const;
    expect(read(printGroups({ ...input, options, groups: [group('orders')] }))).toMatchObject({
      kind: 'List',
    });
    const one = printGroups({ ...input, options, isOne: true, groups: [group('orders')] });
    expect(one).not.toContain('List');
  });

  test('prints names as kubectl takes them', () => {
    const options = { allNamespaces: false, output: 'name' } as const;
    expect(printGroups({ ...input, options, groups: [group('orders'), group('a')] })).toBe(
      'kinesisconsumergroup.kcg.dev/a\nkinesisconsumergroup.kcg.dev/orders',
    );
  });
});

test('columns are as wide as their widest cell, and lines have no spaces at the end', () => {
  expect(
    printTable([
      ['A', 'B'],
      ['long', ''],
      ['', 'x'],
    ]),
  ).toBe('A      B\nlong\n       x');
});
