import { DeleteItemCommand, DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';
import { translateDynamoDbError } from '../../src/aws/dynamodb-errors.ts';
import { tryAgain } from '../../src/aws/try-again.ts';
import { describeError } from '../../src/lib/errors.ts';

/** `ok`, or status and name of an error. */
type Answer = string | Error;

/** What became of a call, how often it was made, and how long was waited in between, ms. */
async function call(command: 'read' | 'write', answers: Answer[]) {
  const waits: number[] = [];
  let calls = 0;
  const handle = async () => {
    const answer = answers[Math.min(calls++, answers.length - 1)]!;
    if (answer instanceof Error) throw answer;
    const [status = '200', name] = answer === 'ok' ? [] : answer.split(' ');
    const body = Buffer.from(JSON.stringify(name === undefined ? {} : { __type: name, message: 'no' }));
    return { response: { statusCode: Number(status), headers: {}, body } };
  };
  const client = tryAgain(
    new DynamoDBClient({
      region: 'eu-west-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
      maxAttempts: 1,
      requestHandler: { handle },
      streamCollector: async (body: Uint8Array) => body,
    }),
    {
      clock: { now: () => 0, monotonic: () => 0, sleep: async (ms) => void waits.push(ms) },
      random: () => 0,
    },
  );
  const TableName = 'orders';
  const sent =
    command === 'read'
      ? client.send(new DescribeTableCommand({ TableName }))
      : client.send(new DeleteItemCommand({ TableName, Key: {} }));
  const at = { action: 'dynamodb:It', resource: 'table orders', principal: 'your AWS identity' };
  const outcome = await sent.then(
    () => 'done',
    (thrown: unknown) => describeError(translateDynamoDbError(thrown, at)),
  );
  return { outcome, calls, waits };
}

const THROTTLED = '400 ProvisionedThroughputExceededException';
const reset = () => Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });

test.each<[string, 'read' | 'write', Answer[], number[]]>([
  ['a read that is throttled twice', 'read', [THROTTLED, '400 ThrottlingException', 'ok'], [500, 1_000]],
  ['a read that is asked for too often', 'read', ['400 LimitExceededException', 'ok'], [500]],
  ['a read that the service fails', 'read', ['500 InternalServerError', '503', 'ok'], [50, 100]],
  ['a read whose connection is reset', 'read', [reset(), 'ok'], [50]],
  ['a write that is throttled, which is not done', 'write', [THROTTLED, 'ok'], [500]],
])('tries %s again, and tells nothing of it', async (_, command, answers, waits) => {
  expect(await call(command, answers)).toEqual({ outcome: 'done', calls: answers.length, waits });
});

test.each<[string, 'read' | 'write', Answer[], number, string]>([
  ['after four attempts', 'read', [THROTTLED], 4, 'dynamodb:It failed 4 times: no'],
  ['of what stays away', 'read', ['500 InternalServerError'], 4, 'dynamodb:It failed 4 times: no'],
  ['at once of what would not help', 'read', ['400 ValidationException'], 1, 'dynamodb:It failed: no'],
  ['at once of a write that may be done', 'write', [reset()], 1, 'cannot be reached (ECONNRESET)'],
  ['at once of a quota', 'write', ['400 LimitExceededException'], 1, 'dynamodb:It failed: no'],
])('tells %s', async (_, command, answers, calls, words) => {
  expect(await call(command, answers)).toMatchObject({ calls, outcome: expect.stringContaining(words) });
});
