import { describe, expect, it } from 'vitest';
import { resultOf } from '../../../src/runtime/handlers/batch-item-failures.ts';
import { aRecord } from './a-batch.ts';

// 30 is a KPL aggregate with two user records.
const RECORDS = [
  aRecord('10'),
  aRecord('20'),
  aRecord('30', { subSequence: 0 }),
  aRecord('30', { subSequence: 1 }),
  aRecord('40'),
];
const failures = (...names: unknown[]) => ({
  batchItemFailures: names.map((itemIdentifier) => ({ itemIdentifier })),
});

const TABLE: { name: string; answer: unknown; means: string }[] = [
  { name: 'nothing', answer: undefined, means: 'done' },
  { name: 'null', answer: null, means: 'done' },
  { name: 'an empty string', answer: '', means: 'done' },
  { name: 'an empty object', answer: {}, means: 'done' },
  { name: 'no failures', answer: failures(), means: 'done' },
  { name: 'null failures', answer: { batchItemFailures: null }, means: 'done' },
  { name: 'something else', answer: { statusCode: 200 }, means: 'done' },
  { name: 'a text', answer: 'ok', means: 'done' },
  { name: 'what Promise.all gives', answer: [undefined, null, 7], means: 'done' },
  { name: 'the first record', answer: failures('10'), means: 'done before 0' },
  { name: 'a later record', answer: failures('20'), means: 'done before 1' },
  { name: 'several, the last first', answer: failures('40', '20', '30'), means: 'done before 1' },
  { name: 'the same twice', answer: failures('40', '40'), means: 'done before 4' },
  { name: 'an aggregate', answer: failures('30'), means: 'done before 2' },
  {
    name: 'an unknown one',
    answer: failures('99'),
    means: "failed: batchItemFailures names '99', which is not in the batch",
  },
  { name: 'a known and an unknown one', answer: failures('20', '99'), means: 'failed' },
  { name: 'an empty identifier', answer: failures(''), means: 'failed' },
  { name: 'a known and an empty one', answer: failures('20', ''), means: 'failed' },
  { name: 'a null identifier', answer: failures(null), means: 'failed' },
  { name: 'a number', answer: failures(20), means: 'failed' },
  { name: 'a wrong key', answer: { batchItemFailures: [{ id: '20' }] }, means: 'failed' },
  { name: 'bare sequence numbers', answer: { batchItemFailures: ['20'] }, means: 'failed' },
  { name: 'a null entry', answer: { batchItemFailures: [null] }, means: 'failed' },
  {
    name: 'failures that are no list',
    answer: { batchItemFailures: {} },
    means: 'failed: batchItemFailures is not a list',
  },
  { name: 'a bare list of failures', answer: [{ itemIdentifier: '20' }], means: 'failed' },
];

describe("a handler's answer", () => {
  it.each(TABLE)('$name means $means', ({ answer, means }) => {
    const result = resultOf(answer, RECORDS);
    const text =
      result.outcome === 'partial'
        ? `done before ${result.firstFailure}`
        : result.outcome === 'failed'
          ? `failed: ${result.error.message}`
          : 'done';
    expect(text.startsWith(means), text).toBe(true);
    if (result.outcome === 'failed') expect(result.error.code).toBe('HandlerFailed');
  });

  it('means the first user record that is left of an aggregate', () => {
    expect(resultOf(failures('30'), RECORDS.slice(3))).toEqual({ outcome: 'partial', firstFailure: 0 });
  });

  it('is shown shortened', () => {
    const result = resultOf(failures('9'.repeat(10_000)), RECORDS);
    expect(result.outcome === 'failed' && result.error.message.length).toBeLessThan(200);
  });
});
