import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { callDestination } from '../destination-call.ts';
import { TIMEOUT_MS, type DestinationPlace } from '../destination-place.ts';
import type { FailureDestination } from '../failure-destination.ts';
import { batchUuid, invocationRecord, messageGroup } from '../invocation-record.ts';
import { partsOfArn, queueUrl, sqsClient } from './queue.ts';

/** Sends what Lambda would to a queue: a message for each batch, without the records. FIFO: in order per shard, once. */
export function sqsDestination(queueArn: string, place: DestinationPlace): FailureDestination {
  const { region } = partsOfArn(queueArn);
  const client = sqsClient(place, region);
  const { clock, callTimeoutMs: timeoutMs = TIMEOUT_MS, principal = "the worker's role", endpoint } = place;
  const call = {
    action: 'sqs:SendMessage',
    resource: queueArn,
    ifGone: 'Create the queue, or name another in handler.onFailure.sqs.queueArn.',
    clock,
    timeoutMs,
    principal,
    endpoint,
    region,
  };
  return {
    name: `SQS queue ${queueArn}`,
    send(givenUp, { signal }) {
      const fifo = queueArn.endsWith('.fifo')
        ? { MessageGroupId: messageGroup(givenUp), MessageDeduplicationId: batchUuid(givenUp) }
        : {};
      const MessageBody = JSON.stringify(invocationRecord(givenUp));
      return callDestination({ ...call, signal }, async (abortSignal) => {
        const QueueUrl = await queueUrl(client, queueArn);
        await client.send(new SendMessageCommand({ QueueUrl, MessageBody, ...fifo }), { abortSignal });
      });
    },
    close: async () => client.destroy(),
  };
}
