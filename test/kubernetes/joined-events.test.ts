import { beforeEach, expect, test } from 'vitest';
import type { EventInput } from '../../src/kubernetes/cluster.ts';
import { JoinedEvents } from '../../src/kubernetes/joined-events.ts';
import { ManualClock } from '../support/manual-clock.ts';

let clock: ManualClock;
let told: string[];
let events: JoinedEvents;
beforeEach(() => {
  clock = new ManualClock();
  told = [];
  events = new JoinedEvents(clock, ({ reason, note }) => void told.push(`${reason} ${note}`));
});

function event(reason: string, { of = 'a', isStep = false } = {}): EventInput {
  const metadata = { name: of, uid: of, resourceVersion: '1' };
  const regarding = { apiVersion: 'v1', kind: 'Group', metadata };
  return { regarding, type: 'Normal', reason, note: `it is ${reason}`, action: 'Test', isStep };
}

test('steps are told with what they lead to, each with its reason', () => {
  events.record(event('Creating', { isStep: true }));
  events.record(event('Scaled', { isStep: true }));
  events.record(event('Alone', { of: 'b' }));
  expect(told).toEqual(['Alone it is Alone']);
  events.record(event('Ready'));
  expect(told[1]).toBe('Ready Creating: it is Creating; Scaled: it is Scaled; it is Ready');
});

test('a step that leads to nothing is told after half a minute, and those that come later by themselves', async () => {
  events.record(event('Creating', { isStep: true }));
  await clock.advance(29_000);
  expect(told).toEqual([]);
  await clock.advance(1_000);
  expect(told).toEqual(['Creating it is Creating']);
  events.record(event('Scaled', { isStep: true }));
  await clock.advance(30_000);
  expect(told[1]).toBe('Scaled it is Scaled');
});

test('what waits is told at the end, and nothing waits after it', () => {
  events.record(event('Creating', { isStep: true }));
  events.close();
  expect(told).toEqual(['Creating it is Creating']);
  events.record(event('Scaled', { isStep: true }));
  expect(told).toHaveLength(2);
});
