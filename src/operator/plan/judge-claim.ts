import type { Claim } from '../../leases/claim.ts';

export interface ClaimInput {
  /** As the table has it; undefined = no row. */
  claim: Claim | undefined;
  clusterId: string;
  resourceUid: string;
  /** Undefined = not known at the moment, so that the claim's is believed. */
  stream: { arn: string; createdAt: number } | undefined;
  /** `namespace/name` of the group with this uid in this cluster; false = it is gone, undefined = cannot be known. */
  nameOf: (uid: string) => string | false | undefined;
  /** The value of the take-over annotation: a cluster id, and perhaps `@` and anything that makes it a new one. */
  takeOver: string | undefined;
}

export type ClaimVerdict =
  | { verdict: 'ours' }
  /** The claim is to be written; `why` is for the event. */
  | {
      verdict: 'claim';
      why: string;
      /** With a take-over by annotation: the claim is to keep this, so that the annotation is not followed again. */
      takeOver?: string;
    }
  | {
      verdict: 'refused';
      reason: 'ClaimedByOtherResource' | 'ClaimedByOtherCluster' | 'StreamReplaced';
      message: string;
    };

/** Creation times are told in seconds by some and in milliseconds by others. */
const SAME_CREATION_MS = 1_000;

/**
 * May this resource run the group id? The claim protects from a second cluster, a second resource and a restored backup. Only
 * a claim of this cluster whose resource is gone is taken over without being told to.
 */
export function judgeClaim(input: ClaimInput): ClaimVerdict {
  const { claim, clusterId, resourceUid, nameOf } = input;
  const uid = claim?.resourceUid;
  if (claim === undefined || uid === undefined) {
    return withSameStream(input, { verdict: 'claim', why: 'nobody held it' });
  }
  const takes = input.takeOver?.split('@')[0] === claim.clusterId ? takeOverMark(input) : undefined;
  const isSpent = takes !== undefined && (claim.takeOvers ?? []).includes(takes);
  const mayTake = takes !== undefined && !isSpent;
  const how = isSpent ? `${claim.clusterId}@${claim.claimedAt ?? ''}` : `${claim.clusterId}`;
  if (claim.clusterId !== clusterId) {
    if (mayTake) {
      const why = `taken over from cluster ${claim.clusterId}, as annotated`;
      return withSameStream(input, { verdict: 'claim', why, takeOver: takes });
    }
    const message = `cluster ${claim.clusterId} runs this group (resource ${uid}). Stop it there, then annotate: kcg.dev/take-over=${how}${isSpent ? SPENT : ''}`;
    return { verdict: 'refused', reason: 'ClaimedByOtherCluster', message };
  }
  if (uid === resourceUid) return withSameStream(input, { verdict: 'ours' });
  const name = nameOf(uid);
  const why = 'the resource that held it is gone';
  if (name === false) return withSameStream(input, { verdict: 'claim', why });
  if (name === undefined && mayTake) {
    return withSameStream(input, { verdict: 'claim', why, takeOver: takes });
  }
  const message =
    name === undefined ? `${unseenMessage(claim, how)}${isSpent ? SPENT : ''}` : seenMessage(name);
  return { verdict: 'refused', reason: 'ClaimedByOtherResource', message };
}

/** An annotation that stays where it is would otherwise take the group back from whoever takes it over next. */
function takeOverMark({ clusterId, takeOver = '' }: Pick<ClaimInput, 'clusterId' | 'takeOver'>): string {
  return `${clusterId} by ${takeOver}`;
}

const SPENT = '. The present value has done its work before, and does it once';

function seenMessage(name: string): string {
  return `KinesisConsumerGroup ${name} uses this groupId and table. Delete one of them; it can be applied again with another groupId.`;
}

function unseenMessage({ resourceUid, namespace }: Claim, takeOver: string): string {
  const where = namespace === undefined ? 'of a namespace' : `of namespace ${namespace},`;
  return `a KinesisConsumerGroup ${where} that this operator does not see (uid ${resourceUid}) uses this groupId and table. Delete one of them; it can be applied again with another groupId. If it is gone, annotate: kcg.dev/take-over=${takeOver}`;
}

/** Positions of another stream would be wrong in this one, and some would look right. */
function withSameStream({ claim, stream, resourceUid }: ClaimInput, verdict: ClaimVerdict): ClaimVerdict {
  if (stream === undefined) return verdict;
  const isOther = claim?.streamArn !== undefined && claim.streamArn !== stream.arn;
  const isLater =
    claim?.streamCreatedAt !== undefined &&
    Math.abs(claim.streamCreatedAt - stream.createdAt) > SAME_CREATION_MS;
  if (!isOther && !isLater) return verdict;
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
