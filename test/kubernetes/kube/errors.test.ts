import { expect, test } from 'vitest';
import { describeError } from '../../../src/lib/errors.ts';
import { statusError } from '../../../src/kubernetes/kube/errors.ts';

const PATCH = { verb: 'patch', resource: 'deployments shop/orders-worker' };
const FORBIDDEN = 'deployments.apps "orders-worker" is forbidden: ';
const ALLOW = 'Allow "patch" on deployments';

test.each<[string, string, string, boolean]>([
  [
    'a role that lacks the verb',
    `${FORBIDDEN}User "system:serviceaccount:kcg:operator" cannot patch resource "deployments" in API group "apps"`,
    'AccessDenied',
    true,
  ],
  ['a proxy that says nothing', '', 'AccessDenied', true],
  [
    'a used-up quota',
    `${FORBIDDEN}exceeded quota: team, requested: count/deployments.apps=1`,
    'LimitExceeded',
    false,
  ],
  [
    'a webhook',
    'admission webhook "policy.example.com" denied the request: no limits',
    'InvalidInput',
    false,
  ],
  ['a limit range', `${FORBIDDEN}maximum cpu usage per Pod is 1`, 'InvalidInput', false],
])('a 403 of %s names the role only when the role is at fault', (_, message, code, namesRole) => {
  const error = statusError({ statusCode: 403, body: message === '' ? undefined : { message } }, PATCH);
  expect(error.code).toBe(code);
  expect(describeError(error)).toContain(message);
  expect(describeError(error).includes(ALLOW)).toBe(namesRole);
});

test('a kind that the cluster does not serve is told apart from an object that is not there', () => {
  const subject = { verb: 'get', resource: 'kinesisconsumergroups shop/orders' };
  const unserved = statusError({ statusCode: 404, body: '404 page not found\n' }, subject);
  expect(describeError(unserved)).toContain('the cluster does not know kinesisconsumergroups');
  expect(describeError(unserved)).toContain('kubectl apply --server-side --force-conflicts -f crds');
  const message = 'kinesisconsumergroups.kcg.dev "orders" not found';
  const gone = statusError({ statusCode: 404, body: { message } }, subject);
  expect(describeError(gone)).toBe(`cannot get kinesisconsumergroups shop/orders: ${message}`);
});
