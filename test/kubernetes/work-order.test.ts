import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Lanes } from '../../src/kubernetes/work-lanes.ts';
import {
  afterTurn,
  moreUrgent,
  nextTurn,
  NOBODY_PASSED,
  REASONS,
  type PassedOver,
  type Reason,
} from '../../src/kubernetes/work-order.ts';

interface Case {
  it: string;
  waiting: readonly Reason[];
  passed?: Partial<PassedOver>;
  running?: number;
  room?: number;
  turn: Reason | undefined;
}

const CASES: readonly Case[] = [
  { it: 'is nobody\u2019s when nobody waits', waiting: [], turn: undefined },
  { it: 'is that of the first reason', waiting: [...REASONS], turn: 'urgent' },
  {
    it: 'is that of a change before a key that is new',
    waiting: ['routine', 'first', 'changed'],
    turn: 'changed',
  },
  { it: 'is that of a new key before one whose time has come', waiting: ['routine', 'first'], turn: 'first' },
  { it: 'is that of what is only due when there is nothing else', waiting: ['routine'], turn: 'routine' },
  {
    it: 'is each fourth a change\u2019s, whatever is urgent',
    waiting: ['urgent', 'changed'],
    passed: { changed: 3 },
    turn: 'changed',
  },
  {
    it: 'is each eighth a new key\u2019s',
    waiting: ['changed', 'first', 'routine'],
    passed: { first: 7, routine: 7 },
    turn: 'first',
  },
  {
    it: 'is each eighth that of what is only due',
    waiting: ['changed', 'first', 'routine'],
    passed: { first: 0, routine: 8 },
    turn: 'routine',
  },
  {
    it: 'is not owed before',
    waiting: ['urgent', 'changed', 'first', 'routine'],
    passed: { changed: 2, first: 6, routine: 6 },
    turn: 'urgent',
  },
  { it: 'is not given without a place', waiting: ['urgent'], running: 10, turn: undefined },
  {
    it: 'takes one of the last places for a change',
    waiting: ['first', 'changed'],
    running: 8,
    turn: 'changed',
  },
  { it: 'takes none of them for a crowd', waiting: ['first', 'routine'], running: 8, turn: undefined },
  { it: 'takes all others for a crowd', waiting: ['first', 'routine'], running: 7, turn: 'first' },
  {
    it: 'takes one of the last places for a crowd that has been passed over',
    waiting: ['first', 'changed'],
    passed: { first: 7 },
    running: 9,
    turn: 'first',
  },
  { it: 'keeps no place where there are few', waiting: ['routine'], running: 3, room: 4, turn: 'routine' },
];

/** Turns within which a reason that waits has one: its share, and once what is owed to each of the others. */
const BOUND = 8 + 2 * REASONS.length;

const waits = (waiting: readonly Reason[]) => (reason: Reason) => waiting.includes(reason);

describe('a turn', () => {
  test.each(CASES)('$it', ({ waiting, passed, running = 0, room = 10, turn }) => {
    const next = nextTurn({ waits: waits(waiting), passed: { ...NOBODY_PASSED, ...passed }, running, room });
    expect(next).toBe(turn);
  });

  test('passes over those that go on waiting, and starts anew for who had it or waits no more', () => {
    const passed = { urgent: 2, changed: 1, first: 5, routine: 4 };
    expect(afterTurn({ waits: waits(['urgent', 'first']), passed }, 'urgent')).toEqual({
      urgent: 0,
      changed: 0,
      first: 6,
      routine: 0,
    });
  });

  test('is taken for the more urgent of two reasons', () => {
    expect(moreUrgent('routine', 'changed')).toBe('changed');
    expect(moreUrgent('urgent', 'first')).toBe('urgent');
    expect(moreUrgent('first', undefined)).toBe('first');
  });

  test('comes to each reason that waits, whatever else does, and to somebody whenever nothing is under way', () => {
    const crowd = fc.subarray([...REASONS]);
    fc.assert(
      fc.property(
        fc.constantFrom(...REASONS),
        fc.array(fc.record({ crowd, running: fc.nat(9) }), { minLength: BOUND, maxLength: 200 }),
        (victim, steps) => {
          let passed = NOBODY_PASSED;
          let missed = 0;
          let mostMissed = 0;
          let isStuck = false;
          for (const { crowd, running } of steps) {
            const turn = { waits: waits([victim, ...crowd]), passed, room: 10 };
            isStuck ||= nextTurn({ ...turn, running: 0 }) === undefined;
            const reason = nextTurn({ ...turn, running });
            if (reason === undefined) continue;
            passed = afterTurn(turn, reason);
            missed = reason === victim ? 0 : missed + 1;
            mostMissed = Math.max(missed, mostMissed);
          }
          expect(isStuck).toBe(false);
          expect(mostMissed).toBeLessThan(BOUND);
        },
      ),
    );
  });
});

describe('keys that wait in lanes', () => {
  test('each have their turn, in so many turns as there are keys before them, whatever comes', () => {
    const arrival = fc.record({ reason: fc.constantFrom(...REASONS), lane: fc.constantFrom('a', 'b') });
    const step = fc.record({ arrivals: fc.array(arrival, { maxLength: 3 }), ends: fc.nat(5) });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.array(step, { minLength: 50, maxLength: 80 }),
        (room, steps) => {
          const lanes = new Lanes(room);
          const waiting = new Map<string, { lane: string; reason: Reason; turns: number; most: number }>();
          const running: { key: string; lane: string }[] = [];
          let count = 0;
          let isHeld = true;
          const add = (reason: Reason, lane: string) => {
            count += 1;
            const before = [...waiting.values()].filter(
              (other) => other.lane === lane && other.reason === reason,
            );
            waiting.set(`key-${count}`, { lane, reason, turns: 0, most: BOUND * (before.length + 1) });
            lanes.park({ key: `key-${count}`, lane, reason, at: count });
          };
          const take = () => {
            for (let due = lanes.next(); due; due = lanes.next()) {
              const { key, lane } = due;
              isHeld &&= running.filter((other) => other.lane === lane).length < room && waiting.delete(key);
              running.push({ key, lane });
              for (const other of waiting.values()) {
                if (other.lane === lane) other.turns += 1;
                isHeld &&= other.turns < other.most;
              }
            }
          };
          const end = (index: number) => {
            const [ended] = running.splice(index % running.length, 1);
            if (ended) lanes.leave(ended.lane);
            take();
          };
          for (const { arrivals, ends } of steps) {
            for (const { reason, lane } of arrivals) add(reason, lane);
            take();
            if (running.length > 0) end(ends);
          }
          while (running.length > 0) end(0);
          expect([isHeld, ...waiting.keys(), ...lanes.waiting()]).toEqual([true]);
        },
      ),
    );
  });

  test('wait once, in the lane they were last asked for in and for the more urgent reason', () => {
    const lanes = new Lanes(1);
    lanes.park({ key: 'k', lane: 'a', at: 1, reason: 'urgent' });
    lanes.park({ key: 'k', lane: 'b', at: 2, reason: 'routine' });
    expect([...lanes.waiting()]).toEqual(['k']);
    expect(lanes.next()).toEqual({ key: 'k', lane: 'b', at: 1, reason: 'urgent' });
    expect(lanes.next()).toBeUndefined();
  });
});
