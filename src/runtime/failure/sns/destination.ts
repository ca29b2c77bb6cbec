import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { regionOfArn } from '../../../api/arn.ts';
import { awsClientConfig } from '../../../aws/client-config.ts';
import { callDestination } from '../destination-call.ts';
import {
  CONNECTION_TIMEOUT_MS,
  MAX_SOCKETS,
  TIMEOUT_MS,
  type DestinationPlace,
} from '../destination-place.ts';
import type { FailureDestination } from '../failure-destination.ts';
import { batchUuid, invocationRecord, messageGroup } from '../invocation-record.ts';

/** Publishes what Lambda would to a topic: a message for each batch, without the records. FIFO: in order per shard, once. */
export function snsDestination(topicArn: string, place: DestinationPlace): FailureDestination {
  const region = regionOfArn(topicArn) ?? place.region;
  const {
    clock,
    callTimeoutMs: timeoutMs = TIMEOUT_MS,
    principal = "the worker's role",
    endpoint,
    credentials,
  } = place;
  const config = awsClientConfig({
    region,
    endpoint,
    credentials,
    connectionTimeoutMs: CONNECTION_TIMEOUT_MS,
    socketTimeoutMs: timeoutMs,
    maxSockets: MAX_SOCKETS,
  });
  const client = new SNSClient(config);
  const call = {
    action: 'sns:Publish',
    resource: topicArn,
    ifGone: 'Create the topic, or name another in handler.onFailure.sns.topicArn.',
    clock,
    timeoutMs,
    principal,
    endpoint,
    region,
  };
  return {
    name: `SNS topic ${topicArn}`,
    send(givenUp, { signal }) {
      const fifo = topicArn.endsWith('.fifo')
        ? { MessageGroupId: messageGroup(givenUp), MessageDeduplicationId: batchUuid(givenUp) }
        : {};
      const Message = JSON.stringify(invocationRecord(givenUp));
      return callDestination({ ...call, signal }, async (abortSignal) => {
        await client.send(new PublishCommand({ TopicArn: topicArn, Message, ...fifo }), { abortSignal });
      });
    },
    close: async () => client.destroy(),
  };
}
