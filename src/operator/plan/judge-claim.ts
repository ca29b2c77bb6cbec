import { isSameCreation } from '../../kinesis/same-stream.ts';
import type { Claim } from '../../leases/claim.ts';

export interface ClaimInput {
  /** As the table has it; undefined = no row. */
  claim: Claim | undefined;
  clusterId: string;
  resourceUid: string;
  /** The resource as kubectl is told of it: `orders -n shop`. */
  resource: string;
  /** Undefined = not known at the moment, so that the claim's is believed. */
  stream: { arn: string; createdAt: number } | undefined;
  /** Rows of shards are there, or may be. */
  hasPositions: boolean;
  /** `namespace/name` of the group with this uid in this cluster; false = it is gone, undefined = cannot be known. */
  nameOf: (uid: string) => string | false | undefined;
  /** Of one that has a name: it goes as soon as what it has is cleaned up after. */
  isBeingDeleted?: (uid: string) => boolean;
  /** The value of the take-over annotation: the claim that may be taken over, as `claimName` names it. */
  takeOver: string | undefined;
}

export type ClaimVerdict =
  | { verdict: 'ours' }
  /** The claim is to be written; `why` is for the event. */
  | { verdict: 'claim'; why: string }
  | {
      verdict: 'refused';
      reason: 'ClaimedByOtherResource' | 'ClaimedByOtherCluster' | 'StreamReplaced' | 'RangeReplaced';
      message: string;
    };

/**
 * May this resource run the group id? The claim protects from a second cluster, a second resource and a restored backup. Only
 * a claim of this cluster whose resource is gone is taken over without being told to.
 */
export function judgeClaim(input: ClaimInput): ClaimVerdict {
  const { claim, clusterId, resourceUid, resource, nameOf } = input;
  const uid = claim?.resourceUid;
  if (claim === undefined || uid === undefined) {
    return withSameStream(input, { verdict: 'claim', why: 'nobody held it' });
  }
  const mayTake = input.takeOver === claimName(claim);
  const other = input.takeOver === undefined ? '' : OTHER_CLAIM;
  const how = `kubectl annotate kcg ${resource} --overwrite kcg.dev/take-over=${claimName(claim)}${other}`;
  if (claim.clusterId !== clusterId) {
    if (mayTake) {
      const why = `taken over from cluster ${claim.clusterId}, as annotated`;
      return withSameStream(input, { verdict: 'claim', why });
    }
    const message = `cluster ${claim.clusterId} runs this group (resource ${uid}). Stop it there, then take it over: ${how}`;
    return { verdict: 'refused', reason: 'ClaimedByOtherCluster', message };
  }
  if (uid === resourceUid) return withSameStream(input, { verdict: 'ours' });
  const name = nameOf(uid);
  const why = 'the resource that held it is gone';
  if (name === false) return withSameStream(input, { verdict: 'claim', why });
  if (name === undefined && mayTake) return withSameStream(input, { verdict: 'claim', why });
  const isGoing = input.isBeingDeleted?.(uid) ?? false;
  const message =
    name === undefined ? unseenMessage(claim, how) : isGoing ? goingMessage(name) : seenMessage(name);
  return { verdict: 'refused', reason: 'ClaimedByOtherResource', message };
}

/**
 * The value of the annotation that takes over this claim and no other: once it is followed there is another claim, so an
 * annotation that stays where it is takes the group from nobody again.
 */
function claimName({ clusterId, claimedAt }: Pick<Claim, 'clusterId' | 'claimedAt'>): string {
  return `${clusterId}${claimedAt === undefined ? '' : `@${claimedAt}`}`;
}

const OTHER_CLAIM = '. The present value names another claim; each is followed once';

function seenMessage(name: string): string {
  return `KinesisConsumerGroup ${name} uses this groupId and table. Delete one of them; it can be applied again with another groupId.`;
}

function goingMessage(name: string): string {
  return `KinesisConsumerGroup ${name}, which is being deleted, still has this groupId and table. This one goes on by itself as soon as that is gone.`;
}

function unseenMessage({ resourceUid, namespace }: Claim, takeOver: string): string {
  const where = namespace === undefined ? 'of a namespace' : `of namespace ${namespace},`;
  return `a KinesisConsumerGroup ${where} that this operator does not see (uid ${resourceUid}) uses this groupId and table. Delete one of them; it can be applied again with another groupId. If it is gone, take the group over: ${takeOver}`;
}

/** Positions of another stream would be wrong in this one, and some would look right. */
function withSameStream(input: ClaimInput, verdict: ClaimVerdict): ClaimVerdict {
  const { claim, stream, hasPositions, resourceUid } = input;
  if (stream === undefined) return verdict;
  const isOther = claim?.streamArn !== undefined && claim.streamArn !== stream.arn;
  const isLater =
    claim?.streamCreatedAt !== undefined && !isSameCreation(claim.streamCreatedAt, stream.createdAt);
  if (!isOther && !isLater) return verdict;
  if (!hasPositions) return { verdict: 'claim', why: 'it had no position yet in a stream that is no more' };
  const was = isOther
    ? `of ${claim.streamArn}`
    : `of a stream created at ${new Date(claim.streamCreatedAt!).toISOString()}`;
  // Deleting the resource deletes only rows that it has claimed.
  const way =
    claim?.resourceUid === resourceUid
      ? 'set checkpoints.deletionPolicy to Delete, delete this KinesisConsumerGroup and apply it again'
      : "delete the group's rows from the table, or the table when no other group uses it";
  const message = `the positions are ${was}, not of ${stream.arn} created at ${new Date(stream.createdAt).toISOString()}; no worker runs, so that nothing is skipped. To begin anew at initialPosition, ${way}; or apply a new KinesisConsumerGroup with another groupId.`;
  return { verdict: 'refused', reason: 'StreamReplaced', message };
}
