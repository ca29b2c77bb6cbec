import { expect, test } from 'vitest';
import { applyPatch } from '../../src/kubernetes/apply-patch.ts';
import type { StoredObject } from '../../src/kubernetes/cluster.ts';

const applied = (last: string): StoredObject => ({
  apiVersion: 'kcg.dev/v1alpha1',
  kind: 'KinesisConsumerGroup',
  metadata: {
    name: 'orders',
    namespace: 'shop',
    uid: 'u',
    resourceVersion: '1',
    annotations: { 'kubectl.kubernetes.io/last-applied-configuration': last },
  },
});

test('removes what was applied before and is not named any more, and nothing that others have set', () => {
  const last = { spec: { handler: { log: {} }, scaling: { replicas: 1, mode: 'Fixed' }, list: [1, 2] } };
  const next = { spec: { handler: { http: { port: 1 } }, scaling: { mode: 'Fixed' }, list: [1] } };
  expect(applyPatch(applied(JSON.stringify(last)), next)).toEqual({
    spec: {
      handler: { log: null, http: { port: 1 } },
      scaling: { mode: 'Fixed', replicas: null },
      list: [1],
    },
  });
});

test('is not known of what kubectl apply has not made', () => {
  expect(applyPatch(undefined, {})).toBeUndefined();
  const { annotations: _, ...metadata } = applied('').metadata;
  expect(applyPatch({ ...applied(''), metadata }, {})).toBeUndefined();
  expect(applyPatch(applied('{'), {})).toBeUndefined();
});
