import {
  DeregisterStreamConsumerCommand,
  DescribeStreamConsumerCommand,
  KinesisClient,
  RegisterStreamConsumerCommand,
  type Consumer,
} from '@aws-sdk/client-kinesis';
import { awsClientConfig } from '../../aws/client-config.ts';
import { translateAwsError } from '../../aws/errors.ts';
import { abortError, withDeadline } from '../../lib/clock.ts';
import { hasCode, KcgError } from '../../lib/errors.ts';
import type { CallOptions, StreamConsumer } from '../stream-client.ts';
import type { StreamConsumers } from '../stream-consumers.ts';
import type { AwsStreamClientOptions } from './stream-client.ts';

const CALL_TIMEOUT_MS = 10_000;

/** The port over the AWS SDK; the streams may be any of the region. */
export function awsStreamConsumers(
  options: Pick<AwsStreamClientOptions, 'region' | 'endpoint' | 'credentials' | 'clock' | 'principal'>,
): StreamConsumers {
  const { region, endpoint, credentials, clock, principal = "the operator's role" } = options;
  const network = { connectionTimeoutMs: 3_000, socketTimeoutMs: CALL_TIMEOUT_MS, maxSockets: 16 };
  const client = new KinesisClient(awsClientConfig({ region, endpoint, credentials, ...network }));
  const call = async <T>(
    [operation, resource]: readonly [string, string],
    { signal }: CallOptions,
    work: (abortSignal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const action = `kinesis:${operation}`;
    try {
      return await withDeadline(clock, CALL_TIMEOUT_MS, { what: action, signal }, work);
    } catch (thrown) {
      if (signal?.aborted) throw abortError(signal);
      throw translateAwsError(thrown, { action, resource, principal, endpoint, region });
    }
  };
  return {
    async find(streamArn, name, asked = {}) {
      try {
        return await call(['DescribeStreamConsumer', streamArn], asked, async (abortSignal) => {
          const command = new DescribeStreamConsumerCommand({ StreamARN: streamArn, ConsumerName: name });
          return readConsumer((await client.send(command, { abortSignal })).ConsumerDescription);
        });
      } catch (thrown) {
        if (hasCode(thrown, 'NotFound') && /consumer/i.test(thrown.message)) return undefined;
        throw thrown;
      }
    },
    register: (streamArn, name, asked = {}) =>
      call(['RegisterStreamConsumer', streamArn], asked, async (abortSignal) => {
        const command = new RegisterStreamConsumerCommand({ StreamARN: streamArn, ConsumerName: name });
        return readConsumer((await client.send(command, { abortSignal })).Consumer);
      }),
    async deregister(consumerArn, asked = {}) {
      try {
        await call(['DeregisterStreamConsumer', consumerArn], asked, async (abortSignal) => {
          const command = new DeregisterStreamConsumerCommand({ ConsumerARN: consumerArn });
          await client.send(command, { abortSignal });
        });
      } catch (thrown) {
        if (!hasCode(thrown, 'NotFound')) throw thrown;
      }
    },
    close: () => client.destroy(),
  };
}

/** @throws KcgError `Unavailable` without a name, an ARN or a status */
function readConsumer(consumer: Consumer | undefined): StreamConsumer {
  const { ConsumerName, ConsumerARN, ConsumerStatus, ConsumerCreationTimestamp } = consumer ?? {};
  if (!ConsumerName || !ConsumerARN || !ConsumerStatus)
    throw new KcgError('Unavailable', 'Kinesis gave no description of the stream consumer');
  const createdAt = ConsumerCreationTimestamp?.getTime() ?? 0;
  return { name: ConsumerName, arn: ConsumerARN, status: ConsumerStatus, createdAt };
}
