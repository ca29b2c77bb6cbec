import { PutObjectCommand } from '@aws-sdk/client-s3';
import { callDestination } from '../destination-call.ts';
import type { DestinationPlace } from '../destination-place.ts';
import type { FailureDestination } from '../failure-destination.ts';
import { objectKey, recordWithPayload } from '../invocation-record.ts';
import { bucketOf, S3_TIMEOUT_MS, s3Client } from './bucket.ts';

/** Writes what Lambda would to a bucket: an object for each batch, with the records. */
export function s3Destination(
  { bucketArn, prefix = '' }: { bucketArn: string; prefix?: string | undefined },
  place: DestinationPlace,
): FailureDestination {
  const client = s3Client(place);
  const {
    clock,
    region,
    callTimeoutMs: timeoutMs = S3_TIMEOUT_MS,
    principal = "the worker's role",
    endpoint,
  } = place;
  const call = {
    action: 's3:PutObject',
    ifGone: 'Create the bucket, or name another in handler.onFailure.s3.bucketArn.',
    clock,
    timeoutMs,
    principal,
    endpoint,
    region,
  };
  return {
    name: `S3 bucket ${bucketArn}`,
    send(givenUp, { signal }) {
      const Key = `${prefix}${objectKey(givenUp)}`;
      const Body = JSON.stringify(recordWithPayload(givenUp));
      const object = { Bucket: bucketOf(bucketArn), Key, Body, ContentType: 'application/json' };
      return callDestination({ ...call, resource: `${bucketArn}/${Key}`, signal }, async (abortSignal) => {
        await client.send(new PutObjectCommand(object), { abortSignal });
      });
    },
    close: async () => client.destroy(),
  };
}
