import {
  SubscribeToShardCommand,
  type KinesisClient,
  type SubscribeToShardEvent,
  type SubscribeToShardEventStream,
} from '@aws-sdk/client-kinesis';
import { abortError } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import type { KinesisRecord } from '../record.ts';
import type { SubscribeRequest, Subscription, SubscriptionEvent } from '../stream-client.ts';
import { readChild, wirePosition } from './stream-wire.ts';

/**
 * SubscribeToShard over `client`. `translate` says what the SDK throws in our words; `bounded` ends the call alone, not
 * the subscription that comes of it.
 */
export async function subscribeOver(
  client: KinesisClient,
  { consumerArn, shardId, position }: SubscribeRequest,
  { bounded, translate }: { bounded: AbortSignal; translate: (thrown: unknown) => KcgError },
): Promise<Subscription> {
  // It would tell of no abort any more, and nobody would close what begins.
  if (bounded.aborted) throw abortError(bounded);
  const open = new AbortController();
  const onAbort = () => open.abort(bounded.reason);
  bounded.addEventListener('abort', onAbort, { once: true });
  const { ShardIteratorType: Type, StartingSequenceNumber, Timestamp } = wirePosition(position);
  const command = new SubscribeToShardCommand({
    ConsumerARN: consumerArn,
    ShardId: shardId,
    StartingPosition: { Type, SequenceNumber: StartingSequenceNumber, Timestamp },
  });
  const { EventStream } = await client.send(command, { abortSignal: open.signal });
  bounded.removeEventListener('abort', onAbort);
  if (!EventStream) throw new KcgError('Unavailable', 'SubscribeToShard gave no events');
  const events = EventStream[Symbol.asyncIterator]();
  return {
    async next() {
      try {
        for (;;) {
          const { done, value } = await events.next();
          if (done || open.signal.aborted) return undefined;
          const event = eventOf(value);
          if (event) return readEvent(event);
        }
      } catch (thrown) {
        if (open.signal.aborted) return undefined;
        throw translate(thrown);
      }
    },
    close: () => open.abort(new KcgError('Aborted', 'the subscription was closed')),
  };
}

/** Undefined for events that are newer than this program. */
function eventOf(event: SubscribeToShardEventStream): SubscribeToShardEvent | undefined {
  return event.SubscribeToShardEvent;
}

function readEvent(event: SubscribeToShardEvent): SubscriptionEvent {
  const { Records, ContinuationSequenceNumber, MillisBehindLatest, ChildShards } = event;
  return {
    records: (Records ?? []).map((record) => {
      const { SequenceNumber, PartitionKey, Data, ApproximateArrivalTimestamp, EncryptionType } = record;
      const result: KinesisRecord = {
        sequence: SequenceNumber ?? '',
        partitionKey: PartitionKey ?? '',
        data: Data ?? new Uint8Array(),
        arrivedAt: ApproximateArrivalTimestamp?.getTime() ?? 0,
      };
      if (EncryptionType) result.encryptionType = EncryptionType;
      return result;
    }),
    ...(ContinuationSequenceNumber ? { continuation: ContinuationSequenceNumber } : {}),
    millisBehindLatest: MillisBehindLatest ?? 0,
    childShards: (ChildShards ?? []).map(readChild),
  };
}
