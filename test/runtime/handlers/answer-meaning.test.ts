import { describe, expect, it } from 'vitest';
import { resultOf } from '../../../src/runtime/handlers/answer-meaning.ts';
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
  { name: 'one of an aggregate', answer: failures('30:1'), means: 'done before 3' },
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
  { name: 'a bare failure', answer: { itemIdentifier: '20' }, means: 'failed' },

  // Other casings
  {
    name: "Java's and C#'s names",
    answer: { BatchItemFailures: [{ ItemIdentifier: '20' }] },
    means: 'done before 1',
  },
  { name: "C#'s names, no failures", answer: { BatchItemFailures: [] }, means: 'done' },
  {
    name: "Python's names",
    answer: { batch_item_failures: [{ item_identifier: '40' }] },
    means: 'done before 4',
  },
  {
    name: 'two casings',
    answer: { batchItemFailures: [], BatchItemFailures: [{ ItemIdentifier: '20' }] },
    means: 'done before 1',
  },

  // Wrapped
  { name: 'JSON in a string', answer: JSON.stringify(failures('20')), means: 'done before 1' },
  { name: 'JSON in JSON', answer: JSON.stringify(JSON.stringify(failures('20'))), means: 'done before 1' },
  { name: 'JSON without failures in a string', answer: '{"batchItemFailures":[]}', means: 'done' },
  { name: 'broken JSON in a string', answer: '{"batchItemFailures":[', means: 'failed' },
  { name: "Python's repr", answer: "{'batchItemFailures': [{'itemIdentifier': '20'}]}", means: 'failed' },
  { name: 'a list around it', answer: [failures('20')], means: 'done before 1' },
  { name: 'one for each part', answer: [failures('40'), failures(), failures('20')], means: 'done before 1' },
  { name: 'a field around it', answer: { data: failures('20') }, means: 'done before 1' },
  { name: 'a field around nothing', answer: { data: failures() }, means: 'done' },
  { name: 'fields around it', answer: { data: { result: failures('20') } }, means: 'done before 1' },
  {
    name: 'a field with text around it',
    answer: { Payload: JSON.stringify(failures('20')) },
    means: 'done before 1',
  },
  { name: 'an unknown one in a field', answer: { data: failures('99') }, means: 'failed' },

  // API Gateway's envelope
  { name: 'an envelope', answer: { statusCode: 200, body: '' }, means: 'done' },
  { name: 'an envelope with text', answer: { statusCode: 200, headers: {}, body: 'OK' }, means: 'done' },
  {
    name: 'an envelope with failures',
    answer: { statusCode: 200, body: JSON.stringify(failures('20')) },
    means: 'done before 1',
  },
  {
    name: 'an envelope with failures in base64',
    answer: {
      statusCode: 200,
      isBase64Encoded: true,
      body: Buffer.from(JSON.stringify(failures('20'))).toString('base64'),
    },
    means: 'done before 1',
  },
  {
    name: 'a body that is an object',
    answer: { statusCode: 200, body: failures('20') },
    means: 'done before 1',
  },
  {
    name: 'an envelope of an error',
    answer: { statusCode: 500, body: '{"message":"Internal Server Error"}' },
    means: 'failed: the handler answered {"statusCode": 500, …}: {"message":"Internal Server Error"}',
  },
  { name: 'an envelope of a refusal', answer: { statusCode: '404' }, means: 'failed' },
  { name: 'an envelope in a string', answer: '{"statusCode":502}', means: 'failed' },
  { name: 'an envelope in a list', answer: [{ statusCode: 500 }], means: 'failed' },
  {
    name: 'an envelope around an envelope',
    answer: { statusCode: 200, body: '{"statusCode":500}' },
    means: 'failed',
  },
  { name: "C#'s envelope", answer: { StatusCode: 500 }, means: 'failed' },
  { name: 'a status of their own', answer: { statusCode: 0, message: 'fine' }, means: 'done' },
  { name: 'no content', answer: { statusCode: 204 }, means: 'done' },
  { name: 'what other calls answered', answer: [{ statusCode: 200 }, { statusCode: 404 }], means: 'done' },

  // A failed function
  {
    name: 'the error of a function',
    answer: { errorType: 'ValueError', errorMessage: 'no such order', stackTrace: [] },
    means: 'failed: the handler answered an error: ValueError: no such order',
  },
  { name: 'an error without its type', answer: { errorMessage: 'no' }, means: 'failed' },
  { name: 'an error beside no failures', answer: { ...failures(), errorMessage: 'no' }, means: 'failed' },
  { name: 'an error in a string', answer: '{"errorMessage":"no","errorType":"Error"}', means: 'failed' },
  { name: 'an error in a body', answer: { statusCode: 200, body: '{"errorType":"Error"}' }, means: 'failed' },
  { name: 'a log of messages without a type', answer: 'errorMessage '.repeat(100_000), means: 'done' },
  { name: 'an empty error', answer: { errorMessage: '', errorType: null }, means: 'done' },
  {
    name: "what AWS's client gives",
    answer: { StatusCode: 200, FunctionError: 'Unhandled' },
    means: 'failed',
  },
  { name: 'a good invocation', answer: { StatusCode: 200, Payload: new Uint8Array(9) }, means: 'done' },
  {
    name: 'a function that took too long',
    answer: 'Task timed out after 3.00 seconds',
    means: 'failed: the handler answered: Task timed out after 3.00 seconds',
  },
  {
    name: 'a function that took too long, with its request',
    answer: { errorMessage: '2026-11-29T00:00:00Z 1f2e Task timed out after 3.00 seconds' },
    means: 'failed',
  },
  {
    name: 'a text about it',
    answer: 'we log "Task timed out after 3.00 seconds" in such cases',
    means: 'done',
  },

  // What only a module can return
  {
    name: 'a returned error',
    answer: new TypeError('no'),
    means: 'failed: the handler returned an error: TypeError: no',
  },
  { name: 'errors in a list', answer: [undefined, new Error('no')], means: 'failed' },
  {
    name: 'settled work, one failed',
    answer: [
      { status: 'fulfilled', value: 1 },
      { status: 'rejected', reason: new Error('no') },
    ],
    means: 'failed: the handler returned work that failed: Error: no',
  },
  { name: 'settled work', answer: [{ status: 'fulfilled', value: 1 }], means: 'done' },
  { name: 'a large buffer', answer: Buffer.alloc(1_000_000), means: 'done' },
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

  it('may be something that holds itself', () => {
    const client: Record<string, unknown> = { retries: 3 };
    client['agent'] = { owner: client };
    expect(resultOf(client, RECORDS)).toEqual({ outcome: 'done' });
  });

  it('may be a class of the author', () => {
    class Answer {
      get batchItemFailures() {
        return [{ itemIdentifier: '20' }];
      }
    }
    expect(resultOf(new Answer(), RECORDS)).toEqual({ outcome: 'partial', firstFailure: 1 });
  });

  it('means the first user record that is left of an aggregate', () => {
    expect(resultOf(failures('30'), RECORDS.slice(3))).toEqual({ outcome: 'partial', firstFailure: 0 });
  });

  it('is shown shortened', () => {
    const result = resultOf(failures('9'.repeat(10_000)), RECORDS);
    expect(result.outcome === 'failed' && result.error.message.length).toBeLessThan(600);
  });
});
