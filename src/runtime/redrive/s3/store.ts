import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  NoSuchKey,
  type ListObjectsV2CommandOutput,
} from '@aws-sdk/client-s3';
import { tryAgain } from '../../../aws/try-again.ts';
import { callDestination } from '../../failure/destination-call.ts';
import type { DestinationPlace } from '../../failure/destination-place.ts';
import { bucketOf, S3_TIMEOUT_MS, s3Client } from '../../failure/s3/bucket.ts';
import type { BatchStore } from '../stored-batch.ts';

/** The objects below a prefix, in the order of their keys: oldest first in each shard. */
export function s3Store(
  { bucketArn, prefix }: { bucketArn: string; prefix: string },
  place: DestinationPlace,
): BatchStore {
  const client = tryAgain(s3Client(place), place);
  const Bucket = bucketOf(bucketArn);
  const {
    clock,
    region,
    callTimeoutMs: timeoutMs = S3_TIMEOUT_MS,
    principal = 'your AWS identity',
    endpoint,
  } = place;
  const ifGone = 'Check the bucket, the prefix and the AWS account, or name another place with --from.';
  const call = (action: string, signal?: AbortSignal, key?: string) => {
    const resource = key === undefined ? bucketArn : `${bucketArn}/${key}`;
    return { action, resource, ifGone, clock, timeoutMs, principal, endpoint, region, signal };
  };
  return {
    name: `S3 bucket ${bucketArn}${prefix === '' ? '' : `, prefix ${prefix}`}`,
    async *list(signal) {
      let token: string | undefined;
      do {
        const input = { Bucket, Prefix: prefix, ContinuationToken: token };
        const page: ListObjectsV2CommandOutput = await callDestination(
          call('s3:ListBucket', signal),
          (abortSignal) => client.send(new ListObjectsV2Command(input), { abortSignal }),
        );
        for (const { Key = '' } of page.Contents ?? []) {
          const text = await callDestination(call('s3:GetObject', signal, Key), (abortSignal) =>
            client.send(new GetObjectCommand({ Bucket, Key }), { abortSignal }).then(
              async ({ Body }) => (await Body?.transformToString()) ?? '',
              // Somebody else is done with it since it was listed.
              (thrown: unknown) => (thrown instanceof NoSuchKey ? undefined : Promise.reject(thrown)),
            ),
          );
          if (text === undefined) continue;
          const remove = () =>
            callDestination(call('s3:DeleteObject', undefined, Key), async (abortSignal) => {
              await client.send(new DeleteObjectCommand({ Bucket, Key }), { abortSignal });
            });
          yield { id: Key, text, remove };
        }
        token = page.NextContinuationToken;
      } while (token !== undefined);
    },
    close: async () => client.destroy(),
  };
}
