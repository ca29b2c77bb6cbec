import { describe, expect, it } from 'vitest';
import { resultOfEmulator } from '../../../src/runtime/handlers/answer-meaning.ts';
import { resultOfAnswer } from '../../../src/runtime/handlers/http-answer.ts';
import { aRecord } from './a-batch.ts';

const RECORDS = [aRecord('10'), aRecord('20'), aRecord('30')];

describe('an answer', () => {
  it.each([
    ['text/plain; charset=utf-8', 'OK', 'done'],
    ['text/html', '<p>fine</p>', 'done'],
    ['application/octet-stream', 'OK', 'done'],
    ['text/plain', '{"batchItemFailures":[{"itemIdentifier":"20"}]}', 'partial'],
    ['text/plain', '\uFEFF{"batchItemFailures":[{"itemIdentifier":"20"}]}', 'partial'],
    ['application/json', '\uFEFF', 'done'],
    ['text/html', "{'batchItemFailures': [{'itemIdentifier': '20'}]}", 'failed'],
    ['application/json', 'OK', 'failed'],
    ['APPLICATION/JSON; charset=utf-8', 'OK', 'failed'],
    ['application/problem+json', 'OK', 'failed'],
    ['', 'OK', 'failed'],
    [undefined, 'OK', 'failed'],
    [undefined, 'null', 'done'],
    [undefined, '{}', 'done'],
    [undefined, ' {"batchItemFailures":[]}\n', 'done'],
    [undefined, '{"batchItemFailures":[{"itemIdentifier":""}]}', 'failed'],
    ['application/json', '"{\\"batchItemFailures\\":[{\\"itemIdentifier\\":\\"20\\"}]}"', 'partial'],
    ['application/json', '{"statusCode":500,"body":"{}"}', 'failed'],
    ['application/json', '[]', 'done'],
    ['application/json', '"OK"', 'done'],
    ['text/plain; charset=utf-8', '{"errorMessage":"no","errorType":"Error"}', 'failed'],
    ['text/plain', "{'errorMessage': 'no', 'errorType': 'Error'}", 'failed'],
    ['text/plain; charset=utf-8', 'Task timed out after 3.00 seconds', 'failed'],
    ['text/html', '<p>Task timed out after 3.00 seconds is what it says then</p>', 'done'],
  ])('of type %j, %j, is %s', (contentType, body, outcome) => {
    const answer = { status: 202, contentType, functionError: undefined, body, isWhole: true };
    expect(resultOfAnswer(answer, RECORDS)).toMatchObject({ outcome });
  });

  it.each([
    ['{"statusCode":500,"body":"no"}', 'done'],
    ['[{"itemIdentifier":"20"}]', 'done'],
    ['{"errorMessage":"no","errorType":"Error","requestId":"1","stackTrace":[]}', 'failed'],
    ['{"errorMessage":"","errorType":"KeyError"}', 'failed'],
    ['{"batchItemFailures":[{"itemIdentifier":"20"}]}', 'partial'],
    ['Task timed out after 3.00 seconds', 'failed'],
    ['null', 'done'],
  ])("of a function's emulator, %j, is %s as what the function returned is", (body, outcome) => {
    const answer = { status: 200, contentType: undefined, functionError: undefined, body, isWhole: true };
    expect(resultOfAnswer(answer, RECORDS, resultOfEmulator)).toMatchObject({ outcome });
  });

  it('that is none of success is a failure, whatever it says', () => {
    const given = { functionError: undefined, isWhole: true };
    const answer = { status: 404, contentType: 'text/plain', body: 'no route', ...given };
    const error = { message: 'the handler answered 404: no route' };
    expect(resultOfAnswer(answer, RECORDS)).toMatchObject({ outcome: 'failed', error });
  });

  it('with the header of a failed function is a failure, whatever it says', () => {
    const answer = { status: 200, contentType: 'application/json', body: '{}', isWhole: true };
    const error = { message: 'the handler answered 200 with X-Amz-Function-Error Unhandled: {}' };
    const result = resultOfAnswer({ ...answer, functionError: 'Unhandled' }, RECORDS);
    expect(result).toMatchObject({ outcome: 'failed', error });
  });
});
