import { expect, it } from 'vitest';
import { startLocalKinesis } from '../../../src/dev/kinesis/server.ts';

const call = (endpoint: string, Action: string) =>
  fetch(endpoint, { method: 'POST', body: new URLSearchParams({ Action, Version: '2011-06-15' }) });

it('tells who asks which account it is in, at the address of Kinesis', async () => {
  const local = await startLocalKinesis();
  const answer = await call(local.endpoint, 'GetCallerIdentity');
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/xml']);
  expect(await answer.text()).toContain(`<Account>${local.kinesis.accountId}</Account>`);
  const refused = await call(local.endpoint, 'AssumeRole');
  expect([refused.status, await refused.text()]).toEqual([
    400,
    expect.stringContaining('<Message>No operation AssumeRole here. There is: GetCallerIdentity.</Message>'),
  ]);
  expect(await (await call(local.endpoint, '<b>&')).text()).not.toContain('<b>');
  await local.close();
});
