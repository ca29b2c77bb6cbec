import { expect, test } from 'vitest';
import type { StoredObject } from '../../src/kubernetes/cluster.ts';
import { silentLog } from '../../src/lib/log.ts';
import { GroupReader, type LastRead } from '../../src/operator/observe/read-groups.ts';
import { groupObject } from './reconcile-harness.ts';

const object = (change: Record<string, unknown> = {}): StoredObject => {
  const { metadata, ...rest } = structuredClone(groupObject({ scaling: null }));
  return { ...rest, ...change, metadata: { ...metadata, uid: 'u', resourceVersion: '1' } };
};
const status = { observedGeneration: 7, newer: 1 };

test.for<[string, StoredObject, boolean]>([
  ['whose status alone has changed', object({ status }), true],
  ['with the status of a newer operator', object({ status: { observedGeneration: 'seven' } }), true],
  [
    'that is being deleted',
    { ...object(), metadata: { ...object().metadata, deletionTimestamp: 't' } },
    true,
  ],
  ['whose metadata is wrong', { ...object(), metadata: { ...object().metadata, name: 'A' } }, false],
  ['whose spec has changed', object({ spec: { ...(object().spec as object), groupId: 'b' } }), false],
])('a group %s is read as by one who sees it for the first time', ([, changed, keepsSpec]) => {
  const memory: { read: LastRead | undefined } = { read: undefined };
  const reader = new GroupReader(silentLog);
  const first = reader.read(object(), memory);
  const again = reader.read(changed, memory);
  expect(again).toEqual(reader.read(changed, { read: undefined }));
  expect(reader.read(changed, memory)).toBe(again);
  const specOf = (read: typeof first) => (read.outcome === 'ok' ? read.group.spec : undefined);
  expect(specOf(again) === specOf(first)).toBe(keepsSpec);
});
