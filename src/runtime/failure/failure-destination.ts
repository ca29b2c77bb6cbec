import type { UserRecord } from '../../kinesis/record.ts';

/**
 * Why a batch was given up, in Lambda's words for streams. (`RetriesExhausted` and `EventAgeExceeded`, which its
 * documentation has too, are of asynchronous invocations.)
 */
export type GiveUpCondition = 'RetryAttemptsExhausted' | 'RecordAgeExceeded';

/**
 * A batch that the handler will not get again: what Lambda's invocation record tells, and the records themselves. First
 * and last sequence number, arrival times and batch size are those of `records`.
 */
export interface GivenUpBatch {
  groupId: string;
  streamName: string;
  streamArn: string;
  region: string;
  shardId: string;
  /**
   * Records of one lane, in the order of their sequence numbers; never empty. The records of other lanes lie between them:
   * from the first to the last, those whose `laneOf(partitionKey, lanes)` is `lane` are all of them. A KPL aggregate may
   * be given up in part: the first and the last have a `subSequence` then.
   */
  records: readonly UserRecord[];
  /** Of the group's `handler.parallelizationFactor` lanes, 0 to `lanes` - 1. */
  lane: number;
  lanes: number;
  condition: GiveUpCondition;
  /** How often the handler was called with the first of them; 0 = they were too old before that. */
  approximateInvokeCount: number;
  /** The handler was called and did not answer with the records that failed: Lambda's `functionError`, `Unhandled`. */
  isHandlerError: boolean;
  /** Ms since the epoch: when it was given up. */
  givenUpAt: number;
}

/** Where batches go that are given up. */
export interface FailureDestination {
  /** For messages: what it is and where, `SQS queue arn:…`. Never a secret. */
  readonly name: string;
  /**
   * Resolves once the destination has it for good; the records count as processed only then. Until it does, its caller
   * holds the lane, tries again with back-off and says so: an implementation need not retry, and has its own time limit. The same
   * batch may come twice: from a worker that lost the shard just then, or when an answer got lost.
   * @throws KcgError that says what happened and what to do, when it does not have it
   */
  send(givenUp: GivenUpBatch, options: { signal: AbortSignal }): Promise<void>;
  close(): Promise<void>;
}
