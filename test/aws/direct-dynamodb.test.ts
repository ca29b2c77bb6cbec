import {
  CreateTableCommand,
  DeleteItemCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { sendDirectly } from '../../src/aws/direct-dynamodb.ts';
import { readSdkError } from '../../src/aws/sdk-error.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';

interface Sent {
  hostname: string;
  headers: Record<string, string>;
  body: string | Uint8Array;
}

/** Clients of keys that change, one by the SDK and one directly, and what they send; without an answer they fail. */
function clients(
  accounts: (string | undefined)[] = [undefined],
  answer?: { statusCode: number; text: string },
) {
  const both = [false, true].map((direct) => {
    const sent: Sent[] = [];
    let asked = 0;
    const handle = async (request: Sent) => {
      sent.push(request);
      if (!answer) throw new Error('not sent');
      const body = Object.assign(Readable.from([Buffer.from(answer.text)]), { headers: {}, socket: {} });
      return { response: { statusCode: answer.statusCode, headers: {}, body } };
    };
    const credentials = async () => {
      const accountId = accounts[Math.min(sent.length, accounts.length - 1)];
      return {
        accessKeyId: `key${(asked += 1)}`,
        secretAccessKey: 'secret',
        ...(accountId ? { accountId } : {}),
      };
    };
    const client = new DynamoDBClient({
      region: 'eu-west-1',
      credentials: Object.assign(credentials, { memoized: true }),
      maxAttempts: 1,
      customUserAgent: [['kcg', 'leases']],
      requestHandler: { handle } as never,
    });
    return { client: direct ? sendDirectly(client, clock) : client, sent };
  });
  return { bySdk: both[0]!, direct: both[1]! };
}

const said = ({ hostname, headers, body }: Sent) => ({
  hostname,
  body: JSON.parse(
    new TextDecoder().decode(typeof body === 'string' ? Buffer.from(body) : new Uint8Array(body)),
  ) as unknown,
  told: ['host', 'content-type', 'content-length', 'x-amz-target', 'user-agent'].map((name) => headers[name]),
});

const TableName = 'orders-ü';
const Key = { group_id: { S: 'g' }, shard_id: { S: 's' } };

it.each<[string, new (input: never) => { input: object }, object]>([
  ['Query', QueryCommand, { ConsistentRead: true, ExclusiveStartKey: undefined }],
  ['GetItem', GetItemCommand, { Key }],
  [
    'UpdateItem',
    UpdateItemCommand,
    { Key, ExpressionAttributeValues: { ':0': { SS: ['a'] }, ':1': { N: '1' } } },
  ],
  ['DeleteItem', DeleteItemCommand, { Key }],
  ['Scan', ScanCommand, { Limit: 1 }],
  ['DescribeTable', DescribeTableCommand, {}],
  [
    'CreateTable',
    CreateTableCommand,
    { KeySchema: [{ AttributeName: 'a', KeyType: 'HASH' }], SSESpecification: {} },
  ],
  [
    'UpdateTimeToLive',
    UpdateTimeToLiveCommand,
    { TimeToLiveSpecification: { Enabled: true, AttributeName: 'a' } },
  ],
])('sends %s as the SDK does, past its middleware', async (_, Command, input) => {
  const { bySdk, direct } = clients();
  for (const { client } of [bySdk, direct])
    await expect(client.send(new Command({ TableName, ...input } as never) as never)).rejects.toThrow(
      'not sent',
    );
  expect(said(direct.sent[0]!)).toEqual(said(bySdk.sent[0]!));
  expect(bySdk.sent[0]!.headers).toHaveProperty('amz-sdk-request');
  expect(direct.sent[0]!.headers).not.toHaveProperty('amz-sdk-request');
});

it('calls the endpoint of the account whose keys are good then', async () => {
  const { bySdk, direct } = clients(['111111111111', undefined, '222222222222', '111111111111']);
  for (const { client } of [bySdk, direct])
    for (let call = 0; call < 4; call += 1)
      await expect(client.send(new DescribeTableCommand({ TableName }))).rejects.toThrow('not sent');
  const hosts = bySdk.sent.map(({ hostname }) => hostname);
  expect(new Set(hosts).size).toBe(3);
  expect(direct.sent.map(({ hostname }) => hostname)).toEqual(hosts);
});

it('leaves tables of other accounts, named by ARN, to the SDK', async () => {
  const { direct } = clients(['111111111111']);
  const there = 'arn:aws:dynamodb:eu-west-1:222222222222:table/orders';
  for (const name of [TableName, there])
    await expect(direct.client.send(new DescribeTableCommand({ TableName: name }))).rejects.toThrow(
      'not sent',
    );
  expect(direct.sent.map(({ hostname }) => hostname.split('.')[0])).toEqual(['111111111111', '222222222222']);
});

const row = { shard_id: { S: 's' }, DateTime: { N: '17' }, parents: { SS: ['a'] } };

it.each<[string, number, object | string]>([
  ['a table', 200, { Table: { TableName, CreationDateTime: 1_767_225_600.25, ItemCount: 7 } }],
  ['rows', 200, { Count: 1, Items: [row], LastEvaluatedKey: Key }],
  ['nothing', 200, ''],
  ['a page in place of an answer', 200, '<html>'],
  [
    'a row that a condition did not hold for',
    400,
    { __type: 'x#ConditionalCheckFailedException', message: 'no', Item: row },
  ],
  ['a throttled call', 400, { __type: 'ThrottlingException:http://x', Message: 'slow down' }],
  ['a failure without words', 500, {}],
  ['a page in place of a failure', 502, '<html>'],
])('tells %s as the SDK does', async (_, statusCode, told) => {
  const text = typeof told === 'string' ? told : JSON.stringify(told);
  const { bySdk, direct } = clients([undefined], { statusCode, text });
  const Command = text.includes('"Table"') ? DescribeTableCommand : QueryCommand;
  const outcomes = [bySdk, direct].map(({ client }) =>
    client.send(new Command({ TableName })).then(
      ({ $metadata: __, ...answer }): unknown => answer,
      (thrown: { Item?: unknown }) => ({ ...readSdkError(thrown), item: thrown.Item }),
    ),
  );
  const [expected, found] = await Promise.all(outcomes);
  expect(found).toEqual(expected);
});
