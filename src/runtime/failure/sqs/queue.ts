import { SQSClient } from '@aws-sdk/client-sqs';
import { awsClientConfig } from '../../../aws/client-config.ts';
import {
  CONNECTION_TIMEOUT_MS,
  MAX_SOCKETS,
  TIMEOUT_MS,
  type DestinationPlace,
} from '../destination-place.ts';

/** Account, name and region of `arn:aws:sqs:<region>:<account>:<name>`. */
export function partsOfArn(arn: string): { region: string; account: string; name: string } {
  const [, , , region = '', account = '', name = ''] = arn.split(':');
  return { region, account, name };
}

/** Its queues are named by URL; the URL's host is not where it is called, as that is the endpoint's matter. */
export function sqsClient(
  { endpoint, credentials, callTimeoutMs = TIMEOUT_MS }: DestinationPlace,
  region: string,
): SQSClient {
  const config = awsClientConfig({
    region,
    endpoint,
    credentials,
    connectionTimeoutMs: CONNECTION_TIMEOUT_MS,
    socketTimeoutMs: callTimeoutMs,
    maxSockets: MAX_SOCKETS,
  });
  return new SQSClient({ ...config, useQueueUrlAsEndpoint: false });
}

/** `<endpoint of SQS>/<account>/<name>`, without asking SQS: a right the less. */
export async function queueUrl({ config }: SQSClient, arn: string): Promise<string> {
  const { region, account, name } = partsOfArn(arn);
  const override = await config.endpoint?.();
  const { protocol, hostname, port } = override ?? config.endpointProvider({ Region: region }).url;
  return `${protocol}//${hostname}${port ? `:${port}` : ''}/${account}/${name}`;
}
