import { KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { regionOfArn } from '../../api/arn.ts';
import { awsClientConfig } from '../../aws/client-config.ts';
import type { AwsCredentials } from '../../aws/credentials.ts';
import { translateAwsError } from '../../aws/errors.ts';
import { withDeadline, type Clock } from '../../lib/clock.ts';
import type { StreamWriter } from '../stream-writer.ts';

export interface AwsStreamWriterOptions {
  streamName: string;
  /** Used in place of the name when known. */
  streamArn?: string | undefined;
  region: string | undefined;
  endpoint?: string | undefined;
  credentials: AwsCredentials;
  clock: Clock;
  /** Whose credentials they are, for error messages. */
  principal: string;
}

const CALL_TIMEOUT_MS = 30_000;
const CONNECTION_TIMEOUT_MS = 3_000;

/** The port over the AWS SDK; one attempt a call. */
export function awsStreamWriter(options: AwsStreamWriterOptions): StreamWriter {
  const { streamName, streamArn, region, endpoint, credentials, clock, principal } = options;
  const client = new KinesisClient(
    awsClientConfig({
      region: region ?? regionOfArn(streamArn),
      endpoint,
      credentials,
      connectionTimeoutMs: CONNECTION_TIMEOUT_MS,
      socketTimeoutMs: CALL_TIMEOUT_MS,
      maxSockets: 1,
    }),
  );
  const name = streamArn === undefined ? { StreamName: streamName } : { StreamARN: streamArn };
  const resource = `stream ${streamName}`;
  return {
    async put(records, { signal } = {}) {
      const command = new PutRecordsCommand({
        ...name,
        Records: records.map(({ partitionKey, data, explicitHashKey }) => ({
          PartitionKey: partitionKey,
          Data: data,
          ExplicitHashKey: explicitHashKey,
        })),
      });
      try {
        const { Records = [] } = await withDeadline(
          clock,
          CALL_TIMEOUT_MS,
          { what: 'kinesis:PutRecords', signal },
          (abortSignal) => client.send(command, { abortSignal }),
        );
        return Records.map(({ ShardId, SequenceNumber, ErrorCode, ErrorMessage }) =>
          ShardId !== undefined && SequenceNumber !== undefined
            ? { shardId: ShardId, sequence: SequenceNumber }
            : { refused: `${ErrorCode}: ${ErrorMessage}` },
        );
      } catch (thrown) {
        throw translateAwsError(thrown, {
          action: 'kinesis:PutRecords',
          resource,
          principal,
          endpoint,
          region,
        });
      }
    },
    close: () => client.destroy(),
  };
}
