import type { WorkerConfig } from '../../api/worker-config.ts';
import { awsCredentials, type AwsCredentials } from '../../aws/credentials.ts';
import { createDynamoDbClient } from '../../aws/dynamodb-client.ts';
import type { WireFormat } from '../../kinesis/aws/get-records-call.ts';
import { awsStreamClient } from '../../kinesis/aws/stream-client.ts';
import { systemClock } from '../../lib/clock.ts';

interface ClientsOptions {
  format?: WireFormat | undefined;
  /** Default: found as by any AWS SDK. */
  credentials?: AwsCredentials | undefined;
}

/** What a worker calls AWS with. Lease calls have clients of their own. */
export function openClients(
  { region, endpoints, stream: { name, arn } }: WorkerConfig,
  { format, credentials = awsCredentials({ clock: systemClock }) }: ClientsOptions = {},
) {
  const clock = systemClock;
  const dynamodb = { region, endpoint: endpoints.dynamodb, credentials };
  const client = createDynamoDbClient(dynamodb);
  const beatClient = createDynamoDbClient(dynamodb);
  const stream = awsStreamClient({
    region,
    endpoint: endpoints.kinesis,
    streamName: name,
    streamArn: arn,
    credentials,
    clock,
    principal: "the worker's role",
    format,
  });
  const close = () => {
    stream.close();
    client.destroy();
    beatClient.destroy();
  };
  return { client, beatClient, stream, credentials, close };
}
