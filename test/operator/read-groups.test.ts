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

test.for<[string, (own: StoredObject) => void, boolean]>([
  ['and nothing else that is new', () => {}, true],
  ['and an annotation that is new', (own) => (own.metadata.annotations = { a: 'b' }), false],
  ['and a name that is wrong', (own) => (own.metadata.name = 'A'), false],
  ['and a field that nobody knows', (own) => ((own as { more?: number }).more = 1), false],
])(
  'a group with a status of the operator itself %s is read as by one who sees it for the first time',
  (changes) => {
    const [, change, isKept] = changes;
    const memory: Known = { read: undefined, toldVersion: '2' };
    const reader = new GroupReader(silentLog);
    const first = reader.read(object(), memory);
    const own = object({ status: { observedGeneration: 7 } }, '2');
    change(own);
    const again = reader.read(own, memory);
    expect(again).toEqual(reader.read(own, { read: undefined, toldVersion: undefined }));
    const labelsOf = (read: typeof first) => (read.outcome === 'ok' ? read.group.metadata.labels : undefined);
    expect(labelsOf(again) === labelsOf(first)).toBe(isKept);
  },
);

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
