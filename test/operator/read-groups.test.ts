import { expect, test } from 'vitest';
import type { StoredObject } from '../../src/kubernetes/cluster.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { KinesisConsumerGroup } from '../../src/api/group.ts';
import { GroupReader, withoutStatus } from '../../src/operator/observe/read-groups.ts';
import { groupObject } from './reconcile-harness.ts';

type Known = Parameters<GroupReader['read']>[1];

const object = (change: Record<string, unknown> = {}, resourceVersion = '1'): StoredObject => {
  const { metadata, ...rest } = structuredClone(groupObject({ scaling: null }));
  return { ...rest, ...change, metadata: { ...metadata, uid: 'u', resourceVersion } };
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
  const memory: Known = { read: undefined, toldVersion: '0' };
  const reader = new GroupReader(silentLog);
  const first = reader.read(object(), memory);
  const again = reader.read(changed, memory);
  expect(again).toEqual(reader.read(changed, { read: undefined, toldVersion: undefined }));
  expect(reader.read(changed, memory)).toBe(again);
  const specOf = (read: typeof first) => (read.outcome === 'ok' ? read.group.spec : undefined);
  expect(specOf(again) === specOf(first)).toBe(keepsSpec);
});

test('a status that the operator wrote itself is not read again', () => {
  const memory: Known = { read: undefined, toldVersion: '2' };
  const reader = new GroupReader(silentLog);
  reader.read(object(), memory);
  const statusOf = (changed: StoredObject) => {
    const read = reader.read(changed, memory);
    return read.outcome === 'ok' ? read.group.status : undefined;
  };
  const own = object({ status }, '2');
  expect(statusOf(own)).toBe(own.status);
  expect(statusOf(object({ status }, '3'))).toEqual({ observedGeneration: 7 });
});

test('of a group whose status was replaced the spec alone is remembered', () => {
  const memory: Known = { read: undefined, toldVersion: undefined };
  const reader = new GroupReader(silentLog);
  const first = object({ status });
  const { group } = reader.read(first, memory) as { group: KinesisConsumerGroup };
  memory.read = withoutStatus(memory.read!);
  expect(JSON.stringify(memory.read)).not.toContain('observedGeneration');
  const { group: again } = reader.read(first, memory) as { group: KinesisConsumerGroup };
  expect(again.spec).toBe(group.spec);
  expect(again).toEqual(group);
});
