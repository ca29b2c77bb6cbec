import { expect, test } from 'vitest';
import { KINDS } from '../../../src/kubernetes/cluster.ts';
import { on, resourcePath } from '../../../src/kubernetes/kube/paths.ts';

const { deployment, pod, namespace, consumerGroup } = KINDS;

test.each([
  [resourcePath(deployment), '/apis/apps/v1/deployments'],
  [resourcePath(deployment, 'shop'), '/apis/apps/v1/namespaces/shop/deployments'],
  [resourcePath(deployment, 'shop', 'orders'), '/apis/apps/v1/namespaces/shop/deployments/orders'],
  [
    resourcePath(consumerGroup, 'shop', 'orders', 'status'),
    '/apis/kcg.dev/v1alpha1/namespaces/shop/kinesisconsumergroups/orders/status',
  ],
  [resourcePath(pod, 'shop', 'orders-1:8080'), '/api/v1/namespaces/shop/pods/orders-1%3A8080'],
  [resourcePath(pod, 'a/../b', 'c?d=%'), '/api/v1/namespaces/a%2F..%2Fb/pods/c%3Fd%3D%25'],
  [resourcePath(namespace, 'ignored', 'shop'), '/api/v1/namespaces/shop'],
  [resourcePath(namespace, '', 'shop'), '/api/v1/namespaces/shop'],
])('%s', (path, expected) => {
  expect(path).toBe(expected);
});

test('a request says what it is about', () => {
  const key = { namespace: 'shop', name: 'orders' };
  expect(on(consumerGroup, key, 'patch', 'status')).toEqual({
    verb: 'patch',
    resource: 'kinesisconsumergroups shop/orders',
    path: '/apis/kcg.dev/v1alpha1/namespaces/shop/kinesisconsumergroups/orders/status',
  });
});
