import { describe, expect, it } from 'vitest';
import { Board } from '../../src/dashboard/board.ts';
import { changeOf } from '../../src/dashboard/page-change.ts';
import { groupPage, listPage } from '../../src/dashboard/page-data.ts';
import { abortError } from '../../src/lib/clock.ts';
import { KcgError } from '../../src/lib/errors.ts';
import type { StoredObject } from '../../src/kubernetes/cluster.ts';
import type { GroupLook } from '../../src/view/group-look.ts';
import { problemsOf } from '../../src/view/group-problems.ts';
import { anObject, aPicture, NOW } from '../support/a-picture.ts';
import { ManualClock } from '../support/manual-clock.ts';

const { signal } = new AbortController();
const KEY = 'shop/orders';

type Ask = (signal: AbortSignal) => Promise<StoredObject[]>;

function aBoard(objects: StoredObject[], events: Ask = async () => []) {
  const clock = new ManualClock();
  let asked = 0;
  const board = new Board({
    clock,
    events: (_, signal) => {
      asked += 1;
      return events(signal);
    },
  });
  board.role = { leads: true };
  const named = (name: string) => objects.find(({ metadata }) => metadata.name === name);
  board.follow({ list: () => objects, get: ({ name }) => named(name) });
  return { board, clock, asked: () => asked };
}

/** What the operator tells of the group of `aPicture`. */
function aLook(more: Partial<GroupLook> = {}): GroupLook {
  const { place, rows, stream, shards, view } = aPicture();
  return {
    atMs: NOW,
    place,
    rows: rows!,
    isFresh: true,
    stream,
    shards,
    view: view!,
    unknown: [],
    silentMs: new Map(),
    ...more,
  };
}

describe('the board', () => {
  it('says of a group what the command line says of the same rows', () => {
    const { board } = aBoard([anObject()]);
    board.onLook(KEY, aLook());
    const picture = board.picture(KEY)!;
    expect({ ...picture, nowMs: NOW }).toEqual({ ...aPicture(), pods: [], table: undefined, nowMs: NOW });
    expect(problemsOf(picture)).toEqual(problemsOf(aPicture()));
  });

  it('knows a group that was never looked at by its resource, and says why no more', () => {
    const { board } = aBoard([anObject({ conditions: [] })]);
    expect(board.picture(KEY)).toMatchObject({
      title: KEY,
      place: { table: 'kinesis-checkpoints-shop-orders', stream: { name: 'orders' }, region: 'eu-west-1' },
      view: undefined,
      unknown: [{ what: 'rows' }],
    });
    expect(board.picture('shop/other')).toBeUndefined();
  });

  it('says what is wrong with a spec that cannot work', () => {
    const { board } = aBoard([anObject({}, { handler: {} })]);
    expect(board.picture(KEY)?.refused).not.toEqual([]);
    expect(listPage(board).groups?.[0]?.verdict).toEqual({ word: 'InvalidSpec', kind: 'error' });
  });

  it('forgets what it saw when its process leads no longer, or the group is not looked at any more', () => {
    const { board } = aBoard([anObject()]);
    board.onLook(KEY, aLook());
    board.role = { leads: false, leader: 'kcg-b' };
    expect(board.picture(KEY)?.unknown[0]?.why).toContain('kcg-b');
    board.role = { leads: true };
    board.onLook(KEY, aLook());
    expect(board.picture(KEY)?.view).toBeDefined();
    board.onLook(KEY, undefined);
    expect([board.picture(KEY)?.view, board.history(KEY)]).toEqual([undefined, undefined]);
  });

  it('keeps the last hour of a group whose rows cannot be read for a while, and shows none of them', () => {
    const { board } = aBoard([anObject()]);
    board.onLook(KEY, 'unread');
    board.onLook(KEY, aLook());
    const history = board.history(KEY);
    board.onLook(KEY, 'unread');
    expect(board.picture(KEY)).toMatchObject({
      view: undefined,
      rows: undefined,
      unknown: [{ what: 'rows' }],
    });
    expect(board.lookedAt(KEY)).toBeUndefined();
    board.onLook(KEY, aLook());
    expect(board.history(KEY)).toBe(history);
  });

  it('asks for Events only when somebody looks, and not again for ten seconds, however many do', async () => {
    const { board, clock, asked } = aBoard([anObject()]);
    board.onLook(KEY, aLook());
    expect(asked()).toBe(0);
    const picture = board.picture(KEY)!;
    await board.withEvents(picture, signal);
    await board.withEvents(picture, signal);
    expect(asked()).toBe(1);
    await clock.advance(10_000);
    await board.withEvents(picture, signal);
    expect(asked()).toBe(2);
  });

  it('says that Events cannot be listed, and why', async () => {
    const { board } = aBoard([anObject()], async () => {
      throw new KcgError('AccessDenied', 'kcg may not list events');
    });
    const { unknown } = await board.withEvents(board.picture(KEY)!, signal);
    expect(unknown.find(({ what }) => what === 'Events')?.why).toContain('kcg may not list events');
  });
});

describe('the pages', () => {
  it('list groups, those in trouble first, with what is wrong first', () => {
    const failing = [
      { type: 'StreamReady', status: 'False', reason: 'StreamNotFound', message: 'there is no stream b' },
    ];
    const of = (name: string, status: object) => {
      const object = anObject(status);
      return { ...object, metadata: { ...object.metadata, name, uid: name } };
    };
    const { board } = aBoard([
      of('a', {}),
      of('b', { observedGeneration: 1, conditions: failing }),
      anObject(),
    ]);
    board.onLook(KEY, aLook());
    const { groups } = listPage(board);
    expect(groups?.map(({ name, verdict }) => `${name} ${verdict.word}`)).toEqual([
      'b StreamNotFound',
      'a NotObserved',
      'orders Ready',
    ]);
    expect(groups?.[0]?.worst?.what).toBe('there is no stream b');
    expect(groups?.[2]).toMatchObject({ shards: '3/3', stream: 'orders', more: 0 });
  });

  it('of a group place its shards by hash key, and say which are history', () => {
    const { board } = aBoard([anObject()]);
    board.onLook(KEY, aLook());
    const { shards, workers, moves, history, lookedAt } = groupPage(board.picture(KEY)!, board);
    expect(shards.map(({ id, from, width, state, old }) => [id.slice(-1), from, width, state, old])).toEqual([
      ['0', 0, 0.5, 'ended', false],
      ['1', 0.5, 0.5, 'consuming', false],
      ['2', 0, 0.25, 'consuming', false],
      ['3', 0.25, 0.25, 'consuming', false],
    ]);
    expect(shards[3]?.hashStart).toBe(`4${'0'.repeat(31)}`);
    expect(workers).toMatchObject([{ id: 'orders-worker-x-a', state: 'live', shards: 3 }]);
    expect([moves, history?.lag.length, lookedAt]).toEqual([[], 120, NOW]);
  });

  it('does not keep a page waiting for Events, and shows them at a later look', async () => {
    const answer = Promise.withResolvers<StoredObject[]>();
    const { clock, board } = aBoard([anObject()], () => answer.promise);
    const first = board.withEvents(board.picture(KEY)!, signal);
    await clock.advance(1_000);
    expect(await first).toMatchObject({ events: [] });
    answer.reject(new Error('no such luck'));
    await clock.advance(1_000);
    const { unknown } = await board.withEvents(board.picture(KEY)!, signal);
    expect(unknown).toContainEqual({ what: 'Events', why: 'no such luck' });
  });

  it('asks for Events anew when who asked has gone away', async () => {
    const never = (signal: AbortSignal) =>
      new Promise<StoredObject[]>((_, reject) => {
        signal.addEventListener('abort', () => reject(abortError(signal)));
      });
    const { clock, board, asked } = aBoard([anObject()], never);
    const reader = new AbortController();
    const first = board.withEvents(board.picture(KEY)!, reader.signal);
    await clock.advance(100);
    reader.abort();
    await first;
    await clock.advance(100);
    const another = board.withEvents(board.picture(KEY)!, new AbortController().signal);
    await clock.advance(1_000);
    expect((await another).unknown.map(({ what }) => what)).not.toContain('Events');
    expect(asked()).toBe(2);
  });

  it('does not change the page of a group in which nothing happens', async () => {
    const { clock, board } = aBoard([anObject()]);
    board.onLook(KEY, aLook({ atMs: clock.now() }));
    const before = groupPage(board.picture(KEY)!, board);
    await clock.advance(2_000);
    expect(changeOf(before, groupPage(board.picture(KEY)!, board))).toBeUndefined();
  });

  it('shows nothing of rows that can no longer be read', async () => {
    const { clock, board } = aBoard([anObject()]);
    board.onLook(KEY, aLook({ atMs: clock.now() }));
    board.onLook(KEY, undefined);
    const page = groupPage(board.picture(KEY)!, board);
    expect(page).toMatchObject({ shards: [], lookedAt: undefined });
    expect(page.unknown.map(({ what }) => what)).toContain('rows');
  });
});
