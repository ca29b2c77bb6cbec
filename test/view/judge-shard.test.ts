import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  judgeShard,
  WINDOW_SAMPLES,
  type Judged,
  type Sample,
  type ShardFacts,
} from '../../src/view/judge-shard.ts';

const NOW = Date.UTC(2026, 10, 29, 12);
const STEP_MS = 30_000;
const facts: ShardFacts = {
  state: 'consuming',
  isPaused: false,
  ownedAt: undefined,
  trouble: undefined,
  patienceMs: 60_000,
  before: undefined,
};

/** `position lag`, oldest first: `3 5s`; `-` without an owner; `?` lag not known. */
function samplesOf(text: string): Sample[] {
  const parts = text.split(',').map((part) => part.trim());
  return parts.map((part, index) => {
    const [position = '', lag = '?', owner] = part.split(/ +/);
    return {
      atMs: NOW - (parts.length - 1 - index) * STEP_MS,
      checkpoint: position === 'T' ? { at: 'TRIM_HORIZON' } : { at: 'SEQUENCE', sequence: position },
      lagMs: lag === '?' ? undefined : Number(lag) * 1_000,
      isOwned: owner !== '-',
    };
  });
}
const ramp = (count: number, at: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => at(i)).join();
const said = (judged: Judged | undefined) =>
  judged ? [judged.judgement, judged.cause].filter(Boolean).join(' ') : 'nothing';

describe('a shard', () => {
  test.each<[string, string, Partial<ShardFacts>, string]>([
    ['that is caught up, at the first look', '7 0', {}, 'OK'],
    ['that is behind, at the first look', '7 900', {}, 'nothing'],
    ['that is behind for less than a window', ramp(9, (i) => `7 ${i + 900}`), {}, 'nothing'],
    ['whose position stands while its lag grows', ramp(10, (i) => `7 ${i * 30 + 9}`), {}, 'Stalled'],
    ['that has never been read, for a window', ramp(10, (i) => `T ${i * 30 + 9}`), {}, 'Stalled'],
    ['that stands at the same lag', ramp(10, () => '7 900'), {}, 'Stalled'],
    ['that stood until now', ramp(10, (i) => `${i < 9 ? 7 : 8} ${900 - i}`), {}, 'OK'],
    ['that was caught up once in the window', ramp(10, (i) => `7 ${i * 30}`), {}, 'OK'],
    ['that advances and falls behind', ramp(10, (i) => `${i + 10} ${i * 5 + 9}`), {}, 'Slow'],
    ['that advances now and then', ramp(10, (i) => `${i < 5 ? 10 : 11} ${i * 5 + 9}`), {}, 'Slow'],
    ['that keeps its distance', ramp(10, (i) => `${i + 10} ${900 + (i % 2)}`), {}, 'OK'],
    ['that catches up', ramp(10, (i) => `${i + 10} ${900 - i}`), {}, 'OK'],
    [
      'that was slow and got level',
      ramp(10, (i) => `${i + 10} ${900 + (i % 2)}`),
      { before: 'Slow' },
      'Slow',
    ],
    ['that was slow and catches up', ramp(10, (i) => `${i + 10} ${900 - i}`), { before: 'Slow' }, 'OK'],
    ['of which nobody says how far behind it is', ramp(10, () => '7 ?'), {}, 'OK'],
    ['that goes back, at the first look after it', '7 90, 8 90, 5 900', {}, 'nothing'],
    ['that has gone back', '7 0, 8 0, 5 900, 5 910', {}, 'Rewound'],
    ['that is where it was again', '7 90, 5 900, 5 910, 8 700', {}, 'nothing'],
    ['that has gone back and caught up', '7 0, 5 900, 6 0', {}, 'OK'],
    ['of which an older row was read once', '7 90, 8 90, 7 90, 9 90', {}, 'nothing'],
    ['that begins anew at its oldest record', '7 0, T 900, T 900', {}, 'Rewound'],
    ['that changes hands', '7 0, 7 30 -', { state: 'unowned', ownedAt: NOW - 59_000 }, 'OK'],
    [
      'that was found while it changes hands',
      '7 30 -',
      { state: 'unowned', ownedAt: NOW - 3_000 },
      'nothing',
    ],
    [
      'that nobody has had for a while, at the first look',
      '7 90 -',
      { state: 'unowned', ownedAt: NOW - 90_000 },
      'Stopped NoOwner',
    ],
    [
      'that nobody has had since it was watched',
      '7 0, 7 30 -, 7 60 -',
      { state: 'unowned' },
      'Stopped NoOwner',
    ],
    ['without a row, at the first look', '7 ? -', { state: 'unowned' }, 'nothing'],
    ['without a row for a while', '7 ? -, 7 ? -, 7 ? -', { state: 'unowned' }, 'Stopped NoOwner'],
    ['whose lag without an owner is small', '7 0 -', { state: 'unowned', ownedAt: NOW }, 'nothing'],
    ['that is paused', '7 900 -', { state: 'unowned', isPaused: true }, 'Stopped Paused'],
    ['that waits for its parents', 'T ? -', { state: 'waiting' }, 'OK WaitingForParents'],
    ['that is read to its end', '7 0', { state: 'ended' }, 'nothing'],
    [
      'that stands because its handler fails',
      ramp(10, (i) => `7 ${i + 9}`),
      { trouble: 'HandlerFails' },
      'Stalled HandlerFails',
    ],
    ['that is well though another of its worker fails', '7 0', { trouble: 'HandlerFails' }, 'OK'],
  ])('%s: %s', (_, samples, change, expected) => {
    expect(said(judgeShard(samplesOf(samples), { ...facts, ...change }))).toBe(expected);
  });
});

describe('whatever the samples', () => {
  const sample = fc.record({
    position: fc.integer({ min: 0, max: 9 }),
    lagMs: fc.integer({ min: 0, max: 9_000 }),
  });
  const asSamples = (list: { position: number; lagMs: number }[]): Sample[] =>
    list.map(({ position, lagMs }, index) => ({
      atMs: NOW + index * STEP_MS,
      checkpoint: { at: 'SEQUENCE', sequence: String(position) },
      lagMs,
      isOwned: true,
    }));
  const list = fc.array(sample, { minLength: 1, maxLength: WINDOW_SAMPLES });
  const some = list.map(asSamples);
  const advancing = list.map((each) => asSamples(each.toSorted((a, b) => a.position - b.position)));
  const before = fc.constantFrom(undefined, 'OK', 'Slow', 'Stalled', 'Stopped', 'Rewound' as const);

  test('an owned shard that advances and was caught up once is well', () => {
    fc.assert(
      fc.property(advancing, before, fc.nat(), (samples, before, at) => {
        samples[at % samples.length]!.lagMs = 0;
        expect(judgeShard(samples, { ...facts, before })?.judgement).toBe('OK');
      }),
    );
  });

  test('less than a window never alarms of a shard that only advances', () => {
    fc.assert(
      fc.property(advancing, before, (samples, before) => {
        const few = samples.slice(0, WINDOW_SAMPLES - 1);
        expect(judgeShard(few, { ...facts, before })?.judgement ?? 'OK').toBe('OK');
      }),
    );
  });

  test('a stalled one has not moved, a slow one has, and neither has caught up', () => {
    fc.assert(
      fc.property(some, before, (samples, before) => {
        const judgement = judgeShard(samples, { ...facts, before })?.judgement;
        const positions = new Set(samples.map(({ checkpoint }) => JSON.stringify(checkpoint)));
        if (judgement === 'Stalled') expect(positions.size).toBe(1);
        if (judgement === 'Slow') expect(positions.size).toBeGreaterThan(1);
        if (judgement === 'Slow' || judgement === 'Stalled')
          expect(samples.every(({ lagMs }) => lagMs! >= 1_000)).toBe(true);
      }),
    );
  });
});
