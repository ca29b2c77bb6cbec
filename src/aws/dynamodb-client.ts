import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { systemClock } from '../lib/clock.ts';
import { awsClientConfig } from './client-config.ts';
import type { AwsCredentials } from './credentials.ts';
import { sendDirectly } from './direct-dynamodb.ts';

export interface DynamoDbClientOptions {
  /** Undefined = as AWS is configured on this machine. */
  region: string | undefined;
  endpoint?: string | undefined;
  /** Shared with other clients of the process; default: a search of its own. */
  credentials?: AwsCredentials | undefined;
  /** What it is for, as CloudTrail shows it: `kcg/<purpose>` in the user agent. Default `leases`. */
  purpose?: 'leases' | 'tables';
  /** Longest wait for a connection, ms; default 1,000. */
  connectionTimeoutMs?: number;
  /** Longest silence of a connection, ms, where `hasMiddleware` is set; any other caller bounds each call itself. */
  socketTimeoutMs?: number;
  /**
   * Whether all calls go through the SDK's middleware, for those who add some, and through its handler; default false: see
   * `sendDirectly` and `directRequest`.
   */
  hasMiddleware?: boolean;
}

const CONNECTION_TIMEOUT_MS = 1_000;
const SOCKET_TIMEOUT_MS = 5_000;
/** Calls beyond it wait their turn. */
const MAX_SOCKETS = 128;

/** One attempt a call and keep-alive: lease calls have their own deadlines and retries. */
export function createDynamoDbClient({
  region,
  endpoint,
  credentials,
  purpose = 'leases',
  connectionTimeoutMs = CONNECTION_TIMEOUT_MS,
  socketTimeoutMs = SOCKET_TIMEOUT_MS,
  hasMiddleware = false,
}: DynamoDbClientOptions): DynamoDBClient {
  const config = awsClientConfig({
    region,
    endpoint,
    credentials,
    connectionTimeoutMs,
    socketTimeoutMs,
    maxSockets: MAX_SOCKETS,
    // Those of a person are few.
    sharesReads: !hasMiddleware,
  });
  const client = new DynamoDBClient({ ...config, customUserAgent: [['kcg', purpose]] });
  return hasMiddleware ? client : sendDirectly(client, systemClock);
}

/** The override that the client was given; undefined = the service's own. */
export async function endpointOf({ config }: DynamoDBClient): Promise<string | undefined> {
  const endpoint = await config.endpoint?.();
  return endpoint && `${endpoint.protocol}//${endpoint.hostname}${endpoint.port ? `:${endpoint.port}` : ''}`;
}

/** Undefined when none is configured, which is then what the call failed for. */
export function regionOf({ config }: DynamoDBClient): Promise<string | undefined> {
  return config.region().catch(() => undefined);
}
