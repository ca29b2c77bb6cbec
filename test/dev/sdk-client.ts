import { KinesisClient } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';

/** The AWS SDK as a user has it, but for retries: a test sees the first answer. */
export function sdkClient(
  endpoint: string,
  { accessKeyId = 'test', region = 'us-east-1' }: { accessKeyId?: string; region?: string } = {},
): KinesisClient {
  return new KinesisClient({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey: 'any' },
    maxAttempts: 1,
    requestHandler: new NodeHttpHandler(),
  });
}
