import type { AwsCredentials } from '../../aws/credentials.ts';
import type { AwsKeys } from '../../aws/client-config.ts';
import type { Clock } from '../../lib/clock.ts';

/** What all destinations in AWS are opened with. */
export interface DestinationPlace {
  /** Of the group; that of an ARN comes before it. */
  region: string;
  /** `http://…` or `https://…`, for emulators and VPC endpoints. */
  endpoint?: string | undefined;
  /** Default: a search of its own. */
  credentials?: AwsCredentials | AwsKeys | undefined;
  clock: Clock;
  /** Bound of one call, ms. Default 10,000; 60,000 for S3, which gets the records as well. */
  callTimeoutMs?: number;
  /** Whose credentials they are, for error messages. Default: the worker's role. */
  principal?: string;
}

/** Bound of a call that carries no records. */
export const TIMEOUT_MS = 10_000;
export const CONNECTION_TIMEOUT_MS = 3_000;
/** Lanes of all shards that give up at once; more wait their turn. */
export const MAX_SOCKETS = 16;
