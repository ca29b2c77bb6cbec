import { expect, test } from 'vitest';
import type { StoredObject } from '../../src/kubernetes/cluster.ts';
import { silentLog } from '../../src/lib/log.ts';
import { GroupReader } from '../../src/operator/observe/read-groups.ts';
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
  const memory: Parameters<GroupReader['read']>[1] = { read: undefined, told: { observedGeneration: 7 } };
  const reader = new GroupReader(silentLog);
  const first = reader.read(object(), memory);
  const again = reader.read(changed, memory);
  expect(again).toEqual(reader.read(changed, { read: undefined, told: undefined }));
  expect(reader.read(changed, memory)).toBe(again);
  const specOf = (read: typeof first) => (read.outcome === 'ok' ? read.group.spec : undefined);
  expect(specOf(again) === specOf(first)).toBe(keepsSpec);
});

test('a status that the operator wrote itself is not read again', () => {
  const told = { observedGeneration: 7, conditions: [] };
  const memory: Parameters<GroupReader['read']>[1] = { read: undefined, told };
  const reader = new GroupReader(silentLog);
  reader.read(object(), memory);
  const statusOf = (changed: StoredObject) => {
    const read = reader.read(changed, memory);
    return read.outcome === 'ok' ? read.group.status : undefined;
  };
  expect(statusOf(object({ status: structuredClone(told) }))).toBe(told);
  expect(statusOf(object({ status }))).toEqual({ observedGeneration: 7 });
});
