import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
} from '@aws-sdk/client-sqs';
import { tryAgain } from '../../../aws/try-again.ts';
import { callDestination } from '../../failure/destination-call.ts';
import { TIMEOUT_MS, type DestinationPlace } from '../../failure/destination-place.ts';
import { partsOfArn, queueUrl, sqsClient } from '../../failure/sqs/queue.ts';
import type { BatchStore } from '../stored-batch.ts';

/** A message that is held is told to stay invisible so long, seconds; again at a third of it. */
const VISIBILITY_S = 120;
/** Messages: SQS gives no more in one answer. */
const MOST_AT_ONCE = 10;
/** A queue is read to its end when it has had nothing for so long, seconds. */
const WAIT_S = 2;

/**
 * The messages of a queue. They stay invisible to others while this goes on; what was not removed is visible again at the
 * end, at the latest two minutes after the process ended. A receive counts for the queue's own redrive policy.
 */
export function sqsStore(queueArn: string, place: DestinationPlace): BatchStore {
  const { region } = partsOfArn(queueArn);
  const client = tryAgain(sqsClient(place, region), place);
  const { clock, callTimeoutMs: timeoutMs = TIMEOUT_MS, principal = 'your AWS identity', endpoint } = place;
  const ifGone = 'Check the queue, the region and the AWS account, or name another place with --from.';
  const call = (action: string, signal?: AbortSignal) => {
    return { action, resource: queueArn, ifGone, clock, timeoutMs, principal, endpoint, region, signal };
  };
  /** The newest receipt of each message that is not removed. */
  const held = new Map<string, string>();
  const ended = new AbortController();
  /** Until SQS refuses or cannot be reached: what is left shows again by itself, and is at most delivered twice. */
  const setVisibility = async (seconds: number) => {
    const QueueUrl = await queueUrl(client, queueArn);
    const receipts = [...held.values()];
    for (let at = 0; at < receipts.length; at += MOST_AT_ONCE) {
      const some = receipts.slice(at, at + MOST_AT_ONCE).map(async (ReceiptHandle) => {
        const input = { QueueUrl, ReceiptHandle, VisibilityTimeout: seconds };
        await callDestination(call('sqs:ChangeMessageVisibility'), async (abortSignal) => {
          await client.send(new ChangeMessageVisibilityCommand(input), { abortSignal });
        });
      });
      const ends = await Promise.allSettled(some);
      if (ends.every(({ status }) => status === 'rejected')) return;
    }
  };
  const holding = (async () => {
    while (!ended.signal.aborted) {
      await clock.sleep((VISIBILITY_S * 1000) / 3, { signal: ended.signal });
      if (!ended.signal.aborted) await setVisibility(VISIBILITY_S);
    }
  })();
  return {
    name: `SQS queue ${queueArn}`,
    isOrdered: queueArn.endsWith('.fifo'),
    async *list(signal) {
      const QueueUrl = await queueUrl(client, queueArn);
      const input = {
        QueueUrl,
        MaxNumberOfMessages: MOST_AT_ONCE,
        WaitTimeSeconds: WAIT_S,
        VisibilityTimeout: VISIBILITY_S,
      };
      for (;;) {
        const { Messages = [] } = await callDestination(call('sqs:ReceiveMessage', signal), (abortSignal) =>
          client.send(new ReceiveMessageCommand(input), { abortSignal }),
        );
        if (Messages.length === 0) return;
        const fresh = Messages.filter(({ MessageId = '' }) => !held.has(MessageId));
        for (const { MessageId = '', ReceiptHandle = '' } of Messages) held.set(MessageId, ReceiptHandle);
        for (const { MessageId: id = '', Body: text = '' } of fresh) {
          const remove = () =>
            callDestination(call('sqs:DeleteMessage'), async (abortSignal) => {
              const ReceiptHandle = held.get(id);
              await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }), { abortSignal });
              held.delete(id);
            });
          yield { id, text, remove };
        }
      }
    },
    async close() {
      ended.abort();
      await holding;
      await setVisibility(0);
      client.destroy();
    },
  };
}
