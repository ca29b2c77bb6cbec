import { S3Client } from '@aws-sdk/client-s3';
import { awsClientConfig } from '../../../aws/client-config.ts';
import { CONNECTION_TIMEOUT_MS, MAX_SOCKETS, type DestinationPlace } from '../destination-place.ts';

/** Bound of a call, which carries records. */
export const S3_TIMEOUT_MS = 60_000;

/**
 * A bucket is found in whichever region it is: its ARN does not say. Other endpoints than AWS's own have no name for each
 * bucket, so that it goes into the path there.
 */
export function s3Client({
  region,
  endpoint,
  credentials,
  callTimeoutMs = S3_TIMEOUT_MS,
}: DestinationPlace): S3Client {
  const config = awsClientConfig({
    region,
    endpoint,
    credentials,
    connectionTimeoutMs: CONNECTION_TIMEOUT_MS,
    socketTimeoutMs: callTimeoutMs,
    maxSockets: MAX_SOCKETS,
  });
  return new S3Client({ ...config, followRegionRedirects: true, forcePathStyle: endpoint !== undefined });
}

/** The name in `arn:aws:s3:::<name>`. */
export function bucketOf(bucketArn: string): string {
  return bucketArn.split(':::')[1] ?? bucketArn;
}
