import { describe, expect, test } from 'vitest';
import { Board } from '../../src/dashboard/board.ts';
import { changeOf } from '../../src/dashboard/page-change.ts';
import { groupPage } from '../../src/dashboard/page-data.ts';
import type { StoredObject } from '../../src/kubernetes/cluster.ts';
import { abortError } from '../../src/lib/clock.ts';
import type { GroupLook } from '../../src/view/group-look.ts';
import { anObject, aPicture } from '../support/a-picture.ts';
import { ManualClock } from '../support/manual-clock.ts';

const KEY = 'shop/orders';
const object = anObject();

function aBoard(events: (signal: AbortSignal) => Promise<StoredObject[]> = async () => []) {
  const clock = new ManualClock();
  const board = new Board({ clock, events: (_, signal) => events(signal) });
  board.role = { leads: true };
  board.follow({ list: () => [object], get: () => object });
  return { clock, board };
}

function aLook(atMs: number): GroupLook {
  const { place, rows, stream, shards, view } = aPicture();
  return {
    atMs,
    place,
    rows: rows!,
    isFresh: true,
    stream,
    shards,
    view: view!,
    unknown: [],
    silentMs: new Map(),
  };
}

describe('what the board shows', () => {
  test('does not keep a page waiting for Events, and shows them at a later look', async () => {
    const answer = Promise.withResolvers<StoredObject[]>();
    const { clock, board } = aBoard(() => answer.promise);
    const { signal } = new AbortController();
    const first = board.withEvents(board.picture(KEY)!, signal);
    await clock.advance(1_000);
    expect(await first).toMatchObject({ events: [] });
    answer.reject(new Error('no such luck'));
    await clock.advance(1_000);
    const { unknown } = await board.withEvents(board.picture(KEY)!, signal);
    expect(unknown).toContainEqual({ what: 'Events', why: 'no such luck' });
  });

  test('asks for Events anew when who asked has gone away', async () => {
    let asked = 0;
    const { clock, board } = aBoard(
      (signal) =>
        new Promise((_, reject) => {
          asked += 1;
          signal.addEventListener('abort', () => reject(abortError(signal)));
        }),
    );
    const reader = new AbortController();
    const first = board.withEvents(board.picture(KEY)!, reader.signal);
    await clock.advance(100);
    reader.abort();
    await first;
    await clock.advance(100);
    const another = board.withEvents(board.picture(KEY)!, new AbortController().signal);
    await clock.advance(1_000);
    expect((await another).unknown.map(({ what }) => what)).not.toContain('Events');
    expect(asked).toBe(2);
  });

  test('does not change the page of a group in which nothing happens', async () => {
    const { clock, board } = aBoard();
    board.onLook(KEY, aLook(clock.now()));
    const before = groupPage(board.picture(KEY)!, board);
    await clock.advance(2_000);
    expect(changeOf(before, groupPage(board.picture(KEY)!, board))).toBeUndefined();
  });

  test('shows nothing of rows that can no longer be read', async () => {
    const { clock, board } = aBoard();
    board.onLook(KEY, aLook(clock.now()));
    board.onLook(KEY, undefined);
    const page = groupPage(board.picture(KEY)!, board);
    expect(page).toMatchObject({ shards: [], lookedAt: undefined });
    expect(page.unknown.map(({ what }) => what)).toContain('rows');
  });
});
