import { expect, it } from 'vitest';
import { parseFromProgram } from '../../../src/runtime/handlers/multilang-messages.ts';

it.each([
  ['{"action": "checkpoint"}', null, null],
  ['{"action": "checkpoint", "sequenceNumber": null, "subSequenceNumber": null}', null, null],
  ['{"action": "checkpoint", "sequenceNumber": "5", "subSequenceNumber": "3"}', '5', 3],
  ['{"action": "checkpoint", "sequenceNumber": 12345678901234567890}', '12345678901234567890', null],
  ['{"action": "checkpoint", "checkpoint": "5"}', '5', null],
  ['{"action": "checkpoint", "checkpoint": 12345678901234567890}', '12345678901234567890', null],
  ['{"action": "checkpoint", "checkpoint": null}', null, null],
])('a checkpoint is of the record that it names, of all only without one: %s', (line, sequence, sub) => {
  const message = { action: 'checkpoint', sequenceNumber: sequence, subSequenceNumber: sub };
  expect(parseFromProgram(line)).toEqual(message);
});

it.each(['true', '["5"]', '{"sequence": "5"}'])('is of no position when that is %s', (value) => {
  const message = parseFromProgram(`{"action": "checkpoint", "sequenceNumber": ${value}}`);
  expect(message).toMatchObject({ sequenceNumber: expect.not.stringMatching(/^\d*$/) as string });
});
