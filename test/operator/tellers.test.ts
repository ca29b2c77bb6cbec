import { beforeEach, describe, expect, test } from 'vitest';
import { ObservedWorkers } from '../../src/leases/observed-workers.ts';
import type { WorkerRow } from '../../src/leases/worker-row.ts';
import { Tellers, type Listen } from '../../src/operator/observe/tellers.ts';
import { aWorker } from '../support/builders.ts';
import { ManualClock, settle } from '../support/manual-clock.ts';

type Listener = Parameters<Listen>[1];

let clock: ManualClock;
let watched: ObservedWorkers;
let tellers: Tellers;
let stop: AbortController;
let changes: string[];
/** By address: who is listened to. */
let listeners: Map<string, Listener>;

const GROUP = 'shop/orders';

beforeEach(() => {
  clock = new ManualClock();
  watched = new ObservedWorkers();
  stop = new AbortController();
  changes = [];
  listeners = new Map();
  const listen: Listen = (address, listener) => {
    listeners.set(address, listener);
    return () => void listeners.delete(address);
  };
  tellers = new Tellers({ clock, listen, onChange: (group) => void changes.push(group) });
  void tellers.run(stop.signal);
});

function rows(...names: string[]): WorkerRow[] {
  return names.map((worker) =>
    aWorker({ worker, incarnation: `${worker}-1`, address: `10.0.0.1:${worker}`, leaseDurationMs: 15_000 }),
  );
}

function follow(workers: readonly WorkerRow[]): boolean {
  watched.observe(workers, clock.monotonic());
  return tellers.follow(GROUP, workers, watched);
}

function say(worker: string, line: string): void {
  listeners.get(`10.0.0.1:${worker}`)?.onLine(line);
}

/** Until the group need not be read. */
async function settled(workers: readonly WorkerRow[]): Promise<void> {
  follow(workers);
  say('a', 'a-1 2 same');
  await clock.advance(5_000);
  say('a', 'a-1 3 same');
  expect(follow(workers)).toBe(true);
  expect(changes).toEqual([]);
}

describe('a group of which a worker tells', () => {
  test('is looked at as ever until one has spoken, and what it said is shown by each replica', async () => {
    const workers = rows('a', 'b');
    expect(follow(workers)).toBe(false);
    expect([...listeners.keys()]).toEqual(['10.0.0.1:a']);
    say('a', 'a-1 2 same');
    expect(follow(workers)).toBe(false);
    await clock.advance(5_000);
    expect(follow(workers)).toBe(true);
    expect(changes).toEqual([]);
  });

  test('is looked at when the word is another one, and more than once, as a read may be old', async () => {
    const workers = rows('a');
    await settled(workers);
    say('a', 'a-1 4 other');
    expect(changes).toEqual([GROUP]);
    expect(follow(workers)).toBe(false);
    await clock.advance(5_000);
    say('a', 'a-1 5 other');
    expect(follow(workers)).toBe(true);
    expect(changes).toEqual([GROUP]);
  });

  test('is looked at when nothing was heard for half a lease, and another worker is asked', async () => {
    const workers = rows('a', 'b');
    await settled(workers);
    await clock.advance(8_000);
    expect(changes).toEqual([]);
    await clock.advance(2_500);
    expect(changes).toEqual([GROUP]);
    expect(follow(workers)).toBe(false);
    expect([...listeners.keys()]).toEqual(['10.0.0.1:b']);
  });

  test('is looked at when the connection ends, and when another life speaks', async () => {
    const workers = rows('a', 'b');
    await settled(workers);
    listeners.get('10.0.0.1:a')!.onEnd();
    expect(changes).toEqual([GROUP]);
    follow(workers);
    say('b', 'b-1 2 same');
    say('b', 'b-2 1 same');
    expect(changes).toEqual([GROUP, GROUP]);
    expect(listeners.size).toBe(0);
  });

  test.each(['', 'a-1', 'a-1 x same', `a-1 2 ${'x'.repeat(200)}`])(
    'is looked at when "%s" is said',
    async (line) => {
      await settled(rows('a'));
      say('a', line);
      expect(changes).toEqual([GROUP]);
    },
  );

  test('is not asked of a worker that has not told a minute ago', async () => {
    const workers = rows('a');
    follow(workers);
    listeners.get('10.0.0.1:a')!.onEnd();
    follow(workers);
    expect(listeners.size).toBe(0);
    await clock.advance(61_000);
    follow(workers);
    expect(listeners.size).toBe(1);
  });

  test('is told by somebody who lives', () => {
    const [dead, silent, live] = rows('a', 'b', 'c');
    follow([{ ...dead!, state: 'dead' }, { ...silent!, address: '' }, live!]);
    expect([...listeners.keys()]).toEqual(['10.0.0.1:c']);
    follow([{ ...live!, incarnation: 'c-2' }]);
    expect([...listeners.keys()]).toEqual(['10.0.0.1:c']);
  });

  test('is one whose beats are known: a worker that falls silent has stood still since its last word', async () => {
    const workers = rows('a');
    await settled(workers);
    const now = { ...workers[0]!, beat: 3 };
    await clock.advance(10_500);
    watched.observe([now], clock.monotonic());
    expect(watched.stillMs(now, clock.monotonic())).toBe(10_500);
  });

  test('is not listened to when it is gone, and nobody is at the end', async () => {
    await settled(rows('a'));
    tellers.drop(GROUP);
    expect(listeners.size).toBe(0);
    follow(rows('a'));
    stop.abort();
    await settle();
    expect(listeners.size).toBe(0);
    expect(changes).toEqual([]);
  });
});
