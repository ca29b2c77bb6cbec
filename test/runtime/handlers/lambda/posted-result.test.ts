import { describe, expect, it } from 'vitest';
import { resultOfPost, type Post } from '../../../../src/runtime/handlers/lambda/posted-result.ts';
import { aRecord } from '../a-batch.ts';

/* What clients post, as each of them was seen to, and what it means to an event source mapping. */

// 30 is a KPL aggregate with two user records: they share their number.
const RECORDS = [
  aRecord('10'),
  aRecord('20'),
  aRecord('30', { subSequence: 0 }),
  aRecord('30', { subSequence: 1 }),
];

function means(body: unknown, overrides: Partial<Post> = {}): string {
  const post: Post = {
    as: 'response',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    length: 'whole',
    contentType: 'application/json',
    errorType: undefined,
    errorBody: undefined,
    ...overrides,
  };
  const result = resultOfPost(post, RECORDS);
  if (result.outcome === 'failed') return `failed: ${result.error.message}`;
  return result.outcome === 'partial' ? `done before ${result.firstFailure}` : result.outcome;
}
const failures = (...names: string[]) => ({
  batchItemFailures: names.map((itemIdentifier) => ({ itemIdentifier })),
});

describe('what a function returns', () => {
  it.each<[string, unknown]>([
    ["Java's untouched response", {}],
    ["Go's empty response", { batchItemFailures: null }],
    ["Powertools' answer without failures", { batchItemFailures: [] }],
    ["Python's None", null],
    ['nothing at all', ''],
    ['text', 'all well'],
    ["API Gateway's envelope of an error", { statusCode: 500, body: '{"message":"no"}' }],
    ['an error that it did not raise', { errorType: 'ValueError', errorMessage: 'no' }],
    ['a text as of a time-out', 'Task timed out after 3.00 seconds'],
    ['the same as JSON', JSON.stringify('Task timed out after 3.00 seconds')],
    ['a list', [{ statusCode: 502 }]],
  ])('%s is done', (_, body) => {
    expect(means(body)).toBe('done');
  });

  it.each<[string, unknown, string]>([
    ['failures by number', failures('20'), 'done before 1'],
    ['an opened aggregate, one of its records', failures('30'), 'done before 2'],
    ['an opened aggregate, whose records share their number', failures('30', '30'), 'done before 2'],
    ['failures beside a status', { statusCode: 500, ...failures('20') }, 'done before 1'],
    ['failures in an envelope', { statusCode: 200, body: JSON.stringify(failures('20')) }, 'done before 1'],
    ['failures in text', JSON.stringify(JSON.stringify(failures('20'))), 'done before 1'],
  ])('%s', (_, body, meaning) => {
    expect(means(body)).toBe(meaning);
  });

  it.each<[string, unknown]>([
    ['an unknown number', failures('99')],
    ['an empty identifier', failures('')],
    ['no identifier', { batchItemFailures: [{ id: '20' }] }],
    ["Python's repr", JSON.stringify("{'batchItemFailures': [{'itemIdentifier': '20'}]}")],
    ['broken JSON that names failures', '{"batchItemFailures":['],
  ])('%s fails the whole batch', (_, body) => {
    expect(means(body)).toMatch(/^failed: /);
  });

  it('counts as failed when its trailers say so, however whole it looks', () => {
    const errorBody = Buffer.from('{"errorMessage":"disk gone","errorType":"readError"}').toString('base64');
    expect(means({ batchItemFailures: [] }, { errorType: 'readError', errorBody })).toBe(
      'failed: the function failed while it answered: readError: disk gone',
    );
  });
});

describe('what a client posts as an error', () => {
  it.each<[string, unknown, string]>([
    [
      'Python',
      {
        errorMessage: 'no',
        errorType: 'ValueError',
        requestId: '1',
        stackTrace: ['  File "/app.py", line 3\n'],
      },
      'ValueError: no',
    ],
    [
      'Node',
      { errorType: 'TypeError', errorMessage: 'no', trace: ['TypeError: no', '    at x'] },
      'TypeError: no',
    ],
    ['Go', { errorMessage: 'no', errorType: 'errorString' }, 'errorString: no'],
    [
      'Go, a panic',
      { errorMessage: 'no', errorType: 'string', stackTrace: [{ path: 'main.go', line: 3, label: 'main' }] },
      'string: no',
    ],
    ['Rust', { errorMessage: 'no', errorType: '&alloc::string::String' }, '&alloc::string::String: no'],
    [
      'Java',
      { errorMessage: 'no', errorType: 'java.lang.IllegalStateException', stackTrace: ['A.b(A.java:3)'] },
      'java.lang.IllegalStateException: no',
    ],
  ])('%s', (_, body, told) => {
    expect(means(body, { as: 'error' })).toBe(`failed: the function failed: ${told}`);
  });

  it('a type in the header alone, and nothing at all', () => {
    expect(means('', { as: 'error', errorType: 'Runtime.UserException' })).toBe(
      'failed: the function failed: Runtime.UserException',
    );
    expect(means('', { as: 'error' })).toBe('failed: the function failed: it did not say why');
  });
});
