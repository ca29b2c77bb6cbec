import { expect, test } from 'vitest';
import { givenUpEvents } from '../../../../src/operator/plan/status/given-up-events.ts';

const delivery = (records: number) => ({
  givenUp: { records, lastTime: '2026-11-29T03:00:00Z', reason: 'RecordAgeExceeded', shardId: 's' },
});

const MADE = '2026-11-29T03:00:00Z';

test('records that were given up are told of with their number, reason and shard', () => {
  expect(givenUpEvents(delivery(2), delivery(5), MADE)).toEqual([
    {
      type: 'Warning',
      reason: 'RecordsGivenUp',
      note: '3 records given up (RecordAgeExceeded, last on s), 5 in all; the log of the workers has the positions: RecordsGivenUp',
      action: 'Reconcile',
    },
  ]);
  expect(givenUpEvents(undefined, delivery(1), MADE)).toMatchObject([
    { note: expect.stringMatching(/^1 record given/) },
  ]);
});

test('a count that stands, or falls with the row of an ended shard, is no news', () => {
  expect(givenUpEvents(delivery(5), delivery(5), MADE)).toEqual([]);
  expect(givenUpEvents(delivery(5), delivery(4), MADE)).toEqual([]);
  expect(givenUpEvents(delivery(5), undefined, MADE)).toEqual([]);
});

test('what was given up under an earlier resource of the group is no news', () => {
  expect(givenUpEvents(undefined, delivery(5), '2026-11-29T03:00:01Z')).toEqual([]);
});
