import { describe, expect, it } from 'vitest';
import type { ShardRow } from '../../src/dashboard/page-data.ts';
import {
  cellAt,
  layoutShards,
  neighbour,
  showing,
  WHOLE,
  zoomed,
} from '../../src/dashboard/page/shard-layout.ts';
import { marksOf } from '../../src/dashboard/page/shard-marks.ts';
import { kindOf, matching, sortShards } from '../../src/dashboard/page/shard-order.ts';

const aShard = (id: string, from: number, width: number, more: Partial<ShardRow> = {}): ShardRow => ({
  id,
  state: 'consuming',
  open: true,
  old: false,
  owner: 'w-a',
  lagMs: 0,
  load: 0,
  parents: [],
  from,
  width,
  hashStart: '',
  hashEnd: '',
  checkpoint: undefined,
  checkpointedAt: undefined,
  ...more,
});

/** `a` is split into `c` and `d`; `d` and `b` are merged into `e`. */
const FAMILY = [
  aShard('a', 0, 0.5),
  aShard('b', 0.5, 0.5),
  aShard('c', 0, 0.25, { parents: ['a'] }),
  aShard('d', 0.25, 0.25, { parents: ['a'] }),
  aShard('e', 0.25, 0.75, { parents: ['b', 'd'] }),
];

const places = (shards: readonly ShardRow[]) => {
  const { cells, rows } = layoutShards(shards);
  return [rows, ...cells.map(({ shard, top, bottom }) => `${shard.id} ${top}–${bottom}`)];
};

describe('the picture of shards', () => {
  it('has each below all its parents, down to its first child, and what has none down to the bottom', () => {
    expect(places(FAMILY)).toEqual([3, 'a 0–1', 'c 1–3', 'd 1–2', 'e 2–3', 'b 0–2']);
  });

  it('does without parents that are not shown, and does not believe a row whose parent is younger', () => {
    expect(places(FAMILY.slice(2))).toEqual([2, 'c 0–2', 'd 0–1', 'e 1–2']);
    expect(places([aShard('a', 0, 1, { parents: ['b'] }), aShard('b', 0, 1, { parents: ['a'] })])).toEqual([
      2,
      'a 0–1',
      'b 1–2',
    ]);
    expect(places([])).toEqual([1]);
  });

  it('is covered by one shard at each point, as long as the hash keys are', () => {
    const layout = layoutShards(FAMILY);
    for (let x = 0.01; x < 1; x += 0.02)
      for (let y = 0.5; y < layout.rows; y += 1)
        expect(
          layout.cells.filter(
            ({ shard, top, bottom }) =>
              x >= shard.from && x < shard.from + shard.width && y >= top && y < bottom,
          ),
        ).toHaveLength(1);
    expect(cellAt(layout, { x: 0.3, y: 1.5 })?.shard.id).toBe('d');
    expect(cellAt(layout, { x: 0.3, y: 7 })).toBeUndefined();
  });

  it('leads from shard to shard: beside at the same row, up to a parent, down to a child', () => {
    const layout = layoutShards(FAMILY);
    const to = (id: string | undefined, direction: Parameters<typeof neighbour>[2]) =>
      neighbour(layout, id, direction)?.shard.id;
    expect([to('a', 'right'), to('b', 'right'), to('b', 'left')]).toEqual(['b', 'b', 'a']);
    expect([to('a', 'down'), to('e', 'up'), to('d', 'up'), to('c', 'down')]).toEqual(['d', 'b', 'a', 'c']);
    expect([to('c', 'right'), to(undefined, 'right'), to(undefined, 'left')]).toEqual(['d', 'a', 'b']);
    expect(neighbour(layoutShards([]), undefined, 'right')).toBeUndefined();
  });

  it('shows fewer around a point that stays, never more than all, and moves to what is chosen', () => {
    expect(zoomed(WHOLE, 2, 0.25)).toEqual({ from: 0.125, width: 0.5 });
    expect(zoomed({ from: 0.125, width: 0.5 }, 0.1, 0.25)).toEqual(WHOLE);
    expect(zoomed(WHOLE, 2, 1)).toEqual({ from: 0.5, width: 0.5 });
    const half = { from: 0, width: 0.5 };
    expect(showing(half, { from: 0.1, width: 0.1 })).toBe(half);
    expect(showing(half, { from: 0.7, width: 0.1 })).toEqual({ from: expect.closeTo(0.3), width: 0.5 });
    expect(showing({ from: 0.5, width: 0.1 }, { from: 0, width: 0.5 })).toEqual({
      from: expect.closeTo(0.2),
      width: 0.1,
    });
  });
});

describe('what a shard is drawn as', () => {
  it.each([
    [{ state: 'consuming' }, 'ok'],
    [{ state: 'consuming', judgement: 'OK' }, 'ok'],
    [{ state: 'consuming', judgement: 'Slow' }, 'behind'],
    [{ state: 'handing-off' }, 'behind'],
    [{ state: 'consuming', judgement: 'Stalled', cause: 'HandlerFails' }, 'trouble'],
    [{ state: 'unowned' }, 'trouble'],
    [{ state: 'unowned', judgement: 'Stopped', cause: 'NoOwner' }, 'trouble'],
    [{ state: 'unowned', judgement: 'Stopped', cause: 'Paused' }, 'waiting'],
    [{ state: 'consuming', judgement: 'Rewound' }, 'trouble'],
    [{ state: 'waiting', judgement: 'OK', cause: 'WaitingForParents' }, 'waiting'],
    [{ state: 'ended' }, 'ended'],
  ] as const)('%o is %s', (shard, kind) => expect(kindOf(shard)).toBe(kind));
});

describe('the table of shards', () => {
  const shards = [
    aShard('a', 0.5, 0.5, { lagMs: 5, load: undefined, owner: 'w-b' }),
    aShard('b', 0, 0.25, { lagMs: undefined, load: 3, owner: undefined, state: 'unowned' }),
    aShard('c', 0.25, 0.25, { lagMs: 9, load: 7 }),
  ];

  it.each([
    ['lineage', 'bca'],
    ['lag', 'cab'],
    ['load', 'cba'],
    ['width', 'abc'],
    ['id', 'abc'],
    ['owner', 'cab'],
    ['state', 'bca'],
  ] as const)('sorted by %s is %s: what is not known comes last', (by, order) => {
    expect(
      sortShards(shards, by)
        .map(({ id }) => id)
        .join(''),
    ).toBe(order);
  });

  it('finds by id, owner, state and judgement', () => {
    const found = (text: string) =>
      matching(shards, text)
        .map(({ id }) => id)
        .join('');
    expect([found('W-B'), found('unown'), found(' '), found('nothing')]).toEqual(['a', 'b', 'abc', '']);
  });
});

describe('the marks above the picture', () => {
  it('tell of a thousand narrow shards which are behind and which are in trouble, each run as one', () => {
    const extents = Array.from({ length: 1_000 }, (_, index) => ({
      kind: kindOf(
        aShard('a', 0, 1, {
          judgement: index === 200 ? 'Slow' : index >= 500 && index < 530 ? 'Stalled' : 'OK',
        }),
      ),
      x: index,
      w: 1,
    }));
    expect(marksOf(extents)).toEqual({
      triangles: [500.5, 508.5, 516.5, 524.5],
      bars: [{ from: 196.5, to: 204.5 }],
    });
  });

  it('are above a parent and above its child, whichever comes first', () => {
    const marks = marksOf([
      { kind: 'trouble', x: 0, w: 100 },
      { kind: 'trouble', x: 0, w: 50 },
      { kind: 'behind', x: 100, w: 100 },
      { kind: 'behind', x: 100, w: 50 },
    ]);
    expect(marks).toEqual({ triangles: [25, 50], bars: [{ from: 100, to: 200 }] });
  });
});
