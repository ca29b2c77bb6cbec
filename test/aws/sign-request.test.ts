import { GetRecordsCommand, KinesisClient } from '@aws-sdk/client-kinesis';
import { expect, it } from 'vitest';
import { RequestSigner } from '../../src/aws/sign-request.ts';

const scope = { region: 'eu-west-1', service: 'kinesis' };

/** What the SDK sends for one GetRecords. */
async function sentBySdk(keys: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }) {
  const sent: { headers: Record<string, string>; body: Uint8Array }[] = [];
  const client = new KinesisClient({
    region: scope.region,
    endpoint: 'https://kinesis.example:4567',
    credentials: keys,
    maxAttempts: 1,
    requestHandler: {
      handle: async (request: (typeof sent)[number]) => {
        sent.push(request);
        throw new Error('not sent');
      },
    } as never,
  });
  await client.send(new GetRecordsCommand({ ShardIterator: 'ü-1', Limit: 7 })).catch(() => {});
  return sent[0]!;
}

it.each([
  ['keys', { accessKeyId: 'AKID', secretAccessKey: 'secret' }],
  [
    'keys without a session, as some write them',
    { accessKeyId: 'AKID', secretAccessKey: 's', sessionToken: '' },
  ],
  ['keys of a session', { accessKeyId: 'ASIA', secretAccessKey: 'other', sessionToken: 'token' }],
])('signs as the SDK does, with %s', async (_, keys) => {
  const { headers, body } = await sentBySdk(keys);
  const signedNames = /SignedHeaders=([^,]+)/.exec(headers['authorization']!)![1]!.split(';');
  const added = ['x-amz-date', 'x-amz-security-token'];
  const names = signedNames.filter((name) => !added.includes(name));
  const time = headers['x-amz-date']!.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)/, '$1-$2-$3T$4:$5:');
  const signer = new RequestSigner();
  const request = {
    path: '/',
    headers: Object.fromEntries(names.map((name) => [name, headers[name]!])),
    plainHeaders: {},
    body,
  };
  const sign = (secretAccessKey: string, atMs = Date.parse(time)) =>
    signer.sign(request, { keys: { ...keys, secretAccessKey }, scope, atMs })['authorization'];
  expect(sign(keys.secretAccessKey)).toBe(headers['authorization']);
  // Neither another day nor other keys get the first one's.
  sign(keys.secretAccessKey, Date.parse(time) + 86_400_000);
  expect(sign('rotated')).not.toBe(headers['authorization']);
  expect(sign(keys.secretAccessKey)).toBe(headers['authorization']);
});

const keys = { accessKeyId: 'AKID', secretAccessKey: 'secret', sessionToken: 'token' };
const request = { path: '/', headers: { host: 'h' }, plainHeaders: { 'user-agent': 'kcg' }, body: 'one' };
const signing = { keys, scope, atMs: 1_700_000_000_000 };

it.each([
  ['the same', {}, {}],
  ['another body', { body: 'other' }, {}],
  ['other headers', { headers: { host: 'other' } }, {}],
  ['another key', {}, { keys: { ...keys, accessKeyId: 'other' } }],
  ['another secret', {}, { keys: { ...keys, secretAccessKey: 'other' } }],
  ['another session', {}, { keys: { ...keys, sessionToken: 'other' } }],
  ['a second later', {}, { atMs: signing.atMs + 1_000 }],
])('signs %s behind others as it would before them', (_, of, by) => {
  const [next, how] = [
    { ...request, ...of },
    { ...signing, ...by },
  ];
  const signer = new RequestSigner();
  signer.sign(request, signing);
  expect(signer.sign(next, how)).toEqual(new RequestSigner().sign(next, how));
});
