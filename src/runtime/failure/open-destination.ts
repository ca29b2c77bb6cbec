import type { WorkerConfig } from '../../api/worker-config.ts';
import type { FailureDestination } from './failure-destination.ts';
import type { DestinationPlace } from './destination-place.ts';

export type DestinationConfig = NonNullable<WorkerConfig['onFailure']>;

/** Loads the client of the one service that is used; calls nothing yet. */
export async function openDestination(
  config: DestinationConfig,
  place: Omit<DestinationPlace, 'endpoint'>,
): Promise<FailureDestination> {
  const at = { ...place, endpoint: config.endpoint };
  switch (config.type) {
    case 'sqs':
      return (await import('./sqs/destination.ts')).sqsDestination(config.queueArn, at);
    case 'sns':
      return (await import('./sns/destination.ts')).snsDestination(config.topicArn, at);
    case 's3':
      return (await import('./s3/destination.ts')).s3Destination(config, at);
  }
}
