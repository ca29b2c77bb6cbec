import { parse } from 'yaml';
import { describe, expect, test } from 'vitest';
import { describeData, describeGroup } from '../../src/cli/describe.ts';
import { printShards, printShardsOf } from '../../src/cli/shards.ts';
import { printData, printStatus, printStatusList, statusData } from '../../src/cli/status.ts';
import { plain, type Paint } from '../../src/lib/paint.ts';
import { visible } from '../../src/lib/visible.ts';
import { anObject, aPicture, NOW, ROWS, workerRow } from '../support/a-picture.ts';
import type { ObservedTable } from '../../src/table/table-admin.ts';
import { aTable } from '../support/table-builders.ts';

const paint: Paint = (style, text) => `<${String(style)}>${text}</>`;
const failing = [
  ...ROWS.slice(0, 4),
  workerRow('orders-worker-x-a', { failing: 2, failing_why: 'no \u001b[2Jcard' }),
];

describe('kcg status', () => {
  test('is one screen: what runs', () => {
    expect(printStatus(aPicture(), plain)).toBe(
      [
        'shop/orders  Ready',
        '  State    Running',
        '  Stream   orders, eu-west-1, keeps 24 h',
        '  Table    kinesis-checkpoints-shop-orders',
        '  Shards   3 of 3 owned, 1 read to the end',
        '  Lag      0s, 100 % of the retention left',
        '  Workers  1 live',
        '  Pods     0 of 0 ready',
      ].join('\n'),
    );
  });

  test('what is wrong and what to do, and what could not be known', () => {
    const unknown = [{ what: 'pods' as const, why: 'cannot list pods' }];
    const text = printStatus(aPicture({ from: failing, unknown, pods: undefined }), plain);
    expect(text.split('\n').slice(-4)).toEqual([
      'ERROR    HandlerFailing: The handler fails on 2 shards; orders-worker-x-a says: no \\x1b[2Jcard',
      '         → The shards wait until it succeeds; its log (kcg logs) has the rest.',
      '',
      'UNKNOWN  pods: cannot list pods',
    ]);
    expect(text).toMatch(/^shop\/orders {2}HandlerFailing\n/);
  });

  test.each([
    ['StreamReady', 'StreamNotFound', 'stream'],
    ['TableReady', 'TableNotFound', 'rows'],
    ['TableReady', 'TableGone', 'rows'],
    ['TableReady', 'TableSchemaMismatch', 'rows'],
  ] as const)('says once, with what to do, that %s is False for %s', (type, reason, what) => {
    const conditions = [{ type, status: 'False', reason, message: 'it is not there: make it' }];
    const object = anObject({ observedGeneration: 1, conditions });
    const seen = aPicture({ object, unknown: [{ what, why: 'it is not there' }] });
    const text = printStatus({ ...seen, rows: undefined, view: undefined }, plain);
    expect(text.split('\n\n').slice(1)).toEqual([`ERROR    ${reason}: it is not there: make it`]);
  });

  test('tells of a table that is not to be used, not that it has no rows', () => {
    const conditions = [
      { type: 'TableReady', status: 'False', reason: 'TableNotAdopted', message: 'adopt it' },
    ];
    const object = anObject({ observedGeneration: 1, conditions });
    const text = printStatus(aPicture({ object, from: [] }), plain);
    expect(text.split('\n\n').slice(1)).toEqual(['ERROR    TableNotAdopted: adopt it']);
  });

  test('of many groups is a line each and their troubles', () => {
    const other = aPicture({ title: 'shop/b', object: anObject({}), from: failing });
    const text = printStatusList([aPicture(), other], plain);
    expect(text.split('\n\n')).toHaveLength(3);
    expect(text).toContain('shop/b        HandlerFailing   orders   -');
    expect(text).toContain('ERROR    shop/b HandlerFailing: ');
    expect(text).toMatch(/1 of 2 groups in trouble$/);
    expect(printStatusList([aPicture()], plain)).toMatch(/1 group, nothing wrong$/);
  });

  test('is coloured by how bad it is', () => {
    expect(printStatus(aPicture(), paint)).toContain('<green>Ready</>');
    expect(printStatus(aPicture({ from: failing }), paint)).toContain('<red>HandlerFailing</>');
    const object = anObject(undefined, { desiredState: 'Paused' });
    expect(printStatus(aPicture({ object }), paint)).toContain('<yellow>Paused</>');
  });

  test('is the same as data', () => {
    const data = statusData(aPicture({ from: failing }));
    expect(JSON.parse(printData([data], 'json'))).toMatchObject({
      group: 'shop/orders',
      verdict: 'HandlerFailing',
      groupId: 'shop.orders',
      shards: { owned: 3, readable: 3, listed: 4 },
      lagSeconds: 0,
      problems: [{ severity: 'error', reason: 'HandlerFailing' }],
    });
    expect(parse(printData([data, data], 'yaml'))).toHaveLength(2);
    expect(parse(printData([data], 'yaml', false))).toHaveLength(1);
  });
});

describe('kcg shards', () => {
  const input = { output: undefined, sortBy: 'lineage', all: false, paint: plain } as const;

  test('is a tree with width, owner, load, lag and judgement', () => {
    expect(printShards(aPicture(), input)).toBe(
      [
        'shop/orders on orders: 4 shards, 3 open, 1 closed, 3 of 3 owned, lag 0s',
        '',
        'SHARD                    WIDTH   STATE       OWNER               LOAD   LAG   JUDGEMENT',
        'shardId-000000000000     50.0%   ended       -                   -      -     -',
        '├─shardId-000000000002   25.0%   consuming   orders-worker-x-a   12/s   0s    -',
        '└─shardId-000000000003   25.0%   consuming   orders-worker-x-a   12/s   0s    -',
        'shardId-000000000001     50.0%   consuming   orders-worker-x-a   12/s   0s    -',
      ].join('\n'),
    );
  });

  test('has positions and hash keys with -o wide, all as data, names alone, and another order', () => {
    const wide = printShards(aPicture(), { ...input, output: 'wide' });
    expect(wide).toContain(
      '80000000000000000000000000000000   ffffffffffffffffffffffffffffffff   3s ago         495',
    );
    const data = JSON.parse(printShardsOf([aPicture()], { ...input, output: 'json' })) as {
      shards: object[];
    };
    expect(data.shards[1]).toMatchObject({
      shardId: 'shardId-000000000002',
      widthPercent: 25,
      load: 12,
      position: '495',
    });
    expect(printShardsOf([aPicture()], { ...input, output: 'name', sortBy: 'width' }).split('\n')).toEqual([
      'shardId-000000000000',
      'shardId-000000000001',
      'shardId-000000000002',
      'shardId-000000000003',
    ]);
  });

  test('of several groups is a list as data, and names a line each', () => {
    const two = [aPicture(), aPicture({ title: 'shop/b' })];
    const data = parse(printShardsOf(two, { ...input, output: 'yaml' })) as { group: string }[];
    expect(data.map(({ group }) => group)).toEqual(['shop/orders', 'shop/b']);
    expect(printShardsOf(two, { ...input, output: 'name' }).split('\n')).toHaveLength(8);
  });

  test('says what it could not know', () => {
    const unknown = [{ what: 'rows' as const, why: 'no answer' }];
    expect(printShards(aPicture({ rows: undefined, unknown }), input)).toBe(
      'shop/orders\nUNKNOWN  rows: no answer',
    );
  });
});

describe('kcg describe', () => {
  const events = [
    {
      at: NOW - 5_000,
      type: 'Normal',
      reason: 'Claimed',
      note: 'two\nlines',
      count: 2,
      regarding: 'KinesisConsumerGroup/orders',
    },
  ];

  test('has all that is known, section by section', () => {
    const text = describeGroup(aPicture({ events }), plain);
    const sections = [...text.matchAll(/^[A-Z]\w+$/gm)].map(([title]) => title);
    expect(sections).toEqual(['Conditions', 'Spec', 'Workers', 'Shards', 'Events']);
    expect(text).toContain('  5s (x2)     Normal   Claimed   KinesisConsumerGroup/orders   two lines');
    expect(text).toContain('Ready   True     Available   60m   all well');
  });

  test.each<[Partial<ObservedTable>, Record<string, string>]>([
    [{ billing: { mode: 'OnDemand' } }, { Billing: 'on demand', 'Settings of': 'shop.orders' }],
    [
      { billing: { mode: 'OnDemand', maxReadRequestUnits: 7, maxWriteRequestUnits: 8 } },
      { Billing: 'on demand, at most 7 reads and 8 writes a second' },
    ],
    [{ tags: { 'kcg.dev/settings-by': 'shop.refunds' } }, { 'Settings of': 'shop.refunds' }],
    [{ replicas: ['us-east-1', 'eu-central-1'] }, { Replicas: 'us-east-1, eu-central-1' }],
  ])('tells the settings of a table, and whose they are: %j', (change, told) => {
    const text = describeGroup(aPicture({ table: aTable(change) }), plain);
    const lines = Object.entries(told).map(([name, value]) => new RegExp(`^ *${name} +${value}$`, 'm'));
    for (const line of lines) expect(text).toMatch(line);
  });

  test('is the same as data', () => {
    expect(describeData(aPicture({ events }))).toMatchObject({
      verdict: 'Ready',
      object: { kind: 'KinesisConsumerGroup' },
      events: [{ reason: 'Claimed' }],
    });
  });
});

test('what others wrote moves no cursor', () => {
  expect(visible('a\u001b[2J\u0007b\u009bc\u202e\td\n')).toBe('a\\x1b[2J\\x07b\\x9bc\\u202e\td\n');
});
