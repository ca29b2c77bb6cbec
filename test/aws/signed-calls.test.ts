import { Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { SignedCalls } from '../../src/aws/signed-calls.ts';
import { ManualClock } from '../support/manual-clock.ts';

it("signs by the service's time, however long its last answer took", async () => {
  const clock = new ManualClock();
  const signedAt: (string | undefined)[] = [];
  const handle = async ({ headers }: { headers: Record<string, string> }) => {
    signedAt.push(headers['x-amz-date']);
    const date = new Date(clock.now()).toUTCString();
    const text = async function* () {
      await clock.advance(600_000);
      yield Buffer.from('{}');
    };
    const body = Object.assign(Readable.from(text()), { headers: {}, socket: {} });
    return { response: { statusCode: 200, headers: { date }, body } };
  };
  const credentials = async () => ({ accessKeyId: 'key', secretAccessKey: 'secret' });
  const calls = new SignedCalls({ config: { credentials, requestHandler: { handle } } }, clock);
  const scope = { region: 'eu-west-1', service: 'kinesis' };
  const to = {
    protocol: 'https:',
    hostname: 'h',
    path: '/',
    headers: { host: 'h' },
    plainHeaders: {},
    scope,
  };
  const times: string[] = [];
  for (let call = 0; call < 2; call += 1) {
    times.push(new Date(clock.now()).toISOString().replace(/[-:]|\.\d+/g, ''));
    await calls.send(to, '{}', {});
  }
  expect(signedAt).toEqual(times);
});
