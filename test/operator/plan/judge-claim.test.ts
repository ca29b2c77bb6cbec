import { expect, test } from 'vitest';
import type { Claim } from '../../../src/leases/claim.ts';
import { judgeClaim, type ClaimInput } from '../../../src/operator/plan/judge-claim.ts';

const STREAM = { arn: 'arn:orders', createdAt: 1_000_000 };
const CLAIM: Claim = {
  groupId: 'shop.orders',
  clusterId: 'c1',
  resourceUid: 'me',
  namespace: 'shop',
  streamArn: STREAM.arn,
  streamCreatedAt: STREAM.createdAt,
  claimedAt: 1,
  startAt: undefined,
  paused: false,
};
const theirs = { ...CLAIM, resourceUid: 'other' };
const abroad = { ...theirs, clusterId: 'c2' };
const recreated = { ...CLAIM, streamCreatedAt: 5 };

test.each<[string, Partial<ClaimInput>, string]>([
  ['nothing', { claim: undefined }, 'claim'],
  ['a row with only a start', { claim: { ...CLAIM, resourceUid: undefined } }, 'claim'],
  ['our own', {}, 'ours'],
  ['our own, its creation told in seconds', { claim: { ...CLAIM, streamCreatedAt: 1_000_400 } }, 'ours'],
  ['our own of a stream made anew', { claim: recreated }, 'StreamReplaced'],
  ['our own of a stream made anew, without positions', { claim: recreated, hasPositions: false }, 'claim'],
  [
    'a resource that lives, of a stream made anew, without positions',
    { claim: { ...theirs, streamCreatedAt: 5 }, hasPositions: false },
    'ClaimedByOtherResource',
  ],
  ['our own of another stream', { claim: { ...CLAIM, streamArn: 'arn:x' } }, 'StreamReplaced'],
  ['a resource that lives', { claim: theirs, nameOf: () => 'shop/first' }, 'ClaimedByOtherResource'],
  [
    'a resource that lives, annotated',
    { claim: theirs, nameOf: () => 'shop/first', takeOver: 'c1@1' },
    'ClaimedByOtherResource',
  ],
  ['a resource that is gone', { claim: theirs, nameOf: () => false }, 'claim'],
  [
    'a resource that is gone, of a stream made anew',
    { claim: { ...theirs, streamCreatedAt: 5 }, nameOf: () => false },
    'StreamReplaced',
  ],
  ['a resource nobody can see', { claim: theirs, nameOf: () => undefined }, 'ClaimedByOtherResource'],
  [
    'a resource nobody can see, annotated',
    { claim: theirs, nameOf: () => undefined, takeOver: 'c1@1' },
    'claim',
  ],
  ['another cluster', { claim: abroad, nameOf: () => false }, 'ClaimedByOtherCluster'],
  ['another cluster, annotated', { claim: abroad, takeOver: 'c2@1' }, 'claim'],
  [
    'another cluster, a claim without a time, annotated',
    { claim: { ...abroad, claimedAt: undefined }, takeOver: 'c2' },
    'claim',
  ],
  [
    'another cluster, whose name alone is annotated',
    { claim: abroad, takeOver: 'c2' },
    'ClaimedByOtherCluster',
  ],
  [
    'another cluster, by an annotation that names an earlier claim of it',
    { claim: { ...abroad, claimedAt: 2 }, takeOver: 'c2@1' },
    'ClaimedByOtherCluster',
  ],
  ['another cluster, annotated for a third', { claim: abroad, takeOver: 'c3@1' }, 'ClaimedByOtherCluster'],
  [
    'our uid in another cluster: a restored backup',
    { claim: { ...CLAIM, clusterId: 'c2' } },
    'ClaimedByOtherCluster',
  ],
])('a claim by %s', (_, change, expected) => {
  const verdict = judgeClaim({
    claim: CLAIM,
    clusterId: 'c1',
    resourceUid: 'me',
    resource: 'orders -n shop',
    stream: STREAM,
    hasPositions: true,
    nameOf: () => 'shop/first',
    takeOver: undefined,
    ...change,
  });
  expect(verdict.verdict === 'refused' ? verdict.reason : verdict.verdict).toBe(expected);
});

test.each<[string, Partial<ClaimInput>, string]>([
  [
    'positions of our own of a stream made anew',
    { claim: recreated },
    'set checkpoints.deletionPolicy to Delete, delete this KinesisConsumerGroup and apply it again',
  ],
  [
    'positions of a resource that is gone, of a stream made anew',
    { claim: { ...recreated, resourceUid: 'other' }, nameOf: () => false },
    "delete the group's rows from the table",
  ],
  ['a resource that lives', { claim: theirs }, 'shop/first uses this groupId and table. Delete one of them'],
  [
    'a resource that is being deleted',
    { claim: theirs, isBeingDeleted: () => true },
    'shop/first, which is being deleted, still has this groupId and table. This one goes on by itself',
  ],
  [
    'a resource nobody can see',
    { claim: theirs, nameOf: () => undefined },
    'If it is gone, take the group over: kubectl annotate kcg orders -n shop --overwrite kcg.dev/take-over=c1@1',
  ],
  [
    'another cluster',
    { claim: abroad, takeOver: 'c3@1' },
    'take it over: kubectl annotate kcg orders -n shop --overwrite kcg.dev/take-over=c2@1. The present value names another claim',
  ],
  [
    'a resource nobody can see, and where it is',
    { claim: { ...theirs, namespace: 'pay' }, nameOf: () => undefined },
    'of namespace pay, that this operator does not see (uid other)',
  ],
])('%s: what can be done is said', (_, change, words) => {
  const verdict = judgeClaim({
    claim: CLAIM,
    clusterId: 'c1',
    resourceUid: 'me',
    resource: 'orders -n shop',
    stream: STREAM,
    hasPositions: true,
    nameOf: () => 'shop/first',
    takeOver: undefined,
    ...change,
  });
  expect(verdict.verdict === 'refused' && verdict.message).toContain(words);
});
