import { SQS_QUEUE_ARN } from '../../api/formats.ts';
import { KcgError } from '../../lib/errors.ts';
import type { DestinationPlace } from '../failure/destination-place.ts';
import { groupPrefix } from '../failure/invocation-record.ts';
import type { DestinationConfig } from '../failure/open-destination.ts';
import { folderStore } from './folder-store.ts';
import type { BatchStore } from './stored-batch.ts';

/** Where to look for what was given up. */
export type StoreConfig =
  | { type: 'sqs'; queueArn: string; endpoint?: string | undefined }
  | { type: 's3'; bucketArn: string; prefix: string; endpoint?: string | undefined }
  | { type: 'folder'; folder: string };

/**
 * What `from` names: the URL or ARN of a queue, `s3://bucket/prefix` or a folder; without it, the group's `onFailure`.
 * @throws KcgError `InvalidInput` when there is nothing that can be read
 */
export function storeOf(
  from: string | undefined,
  group: { onFailure: DestinationConfig | undefined; groupId: string; region: string },
): StoreConfig {
  if (from !== undefined) return namedStore(from, group.region);
  const { onFailure, groupId } = group;
  const fix = 'Name a queue, s3://bucket/prefix or a folder with --from.';
  if (onFailure === undefined) {
    throw new KcgError('InvalidInput', `group ${groupId} has no handler.onFailure`, { fix });
  }
  switch (onFailure.type) {
    case 'sqs':
      return onFailure;
    case 's3':
      return { ...onFailure, prefix: `${onFailure.prefix ?? ''}${groupPrefix(groupId)}` };
    case 'sns':
      throw new KcgError('InvalidInput', `SNS topic ${onFailure.topicArn} keeps nothing that could be read`, {
        fix: 'Name a queue that is subscribed to it with --from.',
      });
  }
}

function namedStore(from: string, region: string): StoreConfig {
  if (SQS_QUEUE_ARN.test(from)) return { type: 'sqs', queueArn: from };
  const [, bucket, prefix = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]+)(?:\/(.*))?$/.exec(from) ?? [];
  if (bucket !== undefined) return { type: 's3', bucketArn: `arn:aws:s3:::${bucket}`, prefix };
  if (from.startsWith('s3:')) {
    throw new KcgError('InvalidInput', `${from} names no bucket`, { fix: 'Write s3://bucket/prefix.' });
  }
  if (!/^https?:\/\//.test(from)) return { type: 'folder', folder: from };
  const url = URL.canParse(from) ? new URL(from) : undefined;
  const [, account, name] = /^\/([0-9]{12})\/([a-zA-Z0-9_.-]+)$/.exec(url?.pathname ?? '') ?? [];
  if (url === undefined || name === undefined) {
    throw new KcgError('InvalidInput', `${from} is not the URL of a queue`, {
      fix: 'Write it as SQS gives it: https://sqs.eu-west-1.amazonaws.com/123456789012/failed.',
    });
  }
  const ofAws = /^sqs\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?$/.exec(url.hostname);
  const partition = ofAws?.[2] ? 'aws-cn' : ofAws?.[1]?.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
  const queueArn = `arn:${partition}:sqs:${ofAws?.[1] ?? region}:${account}:${name}`;
  return { type: 'sqs', queueArn, ...(ofAws ? {} : { endpoint: url.origin }) };
}

/** Loads the client of the service that is used; calls nothing yet. */
export async function openStore(
  config: StoreConfig,
  place: Omit<DestinationPlace, 'endpoint'>,
): Promise<BatchStore> {
  switch (config.type) {
    case 'folder':
      return folderStore(config.folder);
    case 'sqs':
      return (await import('./sqs/store.ts')).sqsStore(config.queueArn, {
        ...place,
        endpoint: config.endpoint,
      });
    case 's3':
      return (await import('./s3/store.ts')).s3Store(config, { ...place, endpoint: config.endpoint });
  }
}
