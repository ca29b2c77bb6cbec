import { createDynamoDbClient, type DynamoDbClientOptions } from '../../aws/dynamodb-client.ts';
import { tryAgain } from '../../aws/try-again.ts';
import { awsStreamClient, type AwsStreamClientOptions } from '../../kinesis/aws/stream-client.ts';
import { systemClock } from '../../lib/clock.ts';

/** Whose credentials a command's are, in errors. */
export const PRINCIPAL = 'your AWS identity';

/** Longest wait for one call of a person, ms. */
const CALL_TIMEOUT_MS = 30_000;
const CONNECTION_TIMEOUT_MS = 10_000;

/** What calls of a person to a table have in common; see `userDynamoDb`. */
export const USER_CALLS = {
  clock: systemClock,
  principal: PRINCIPAL,
  callTimeoutMs: CALL_TIMEOUT_MS,
} as const;

/**
 * DynamoDB for a person's command. No lease is at stake while it waits, and its first call may be held up by a search for
 * credentials (a program, single sign-on), a VPN or a far region: it has time that a worker's beat has not.
 */
export function userDynamoDb(options: Pick<DynamoDbClientOptions, 'region' | 'endpoint' | 'credentials'>) {
  const client = createDynamoDbClient({
    ...options,
    connectionTimeoutMs: CONNECTION_TIMEOUT_MS,
    socketTimeoutMs: CALL_TIMEOUT_MS,
    hasMiddleware: true,
  });
  return tryAgain(client, { clock: systemClock });
}

/** Kinesis for a person's command. */
export function userStreamClient(
  options: Omit<AwsStreamClientOptions, 'clock' | 'principal' | 'triesAgain'>,
) {
  return awsStreamClient({ ...options, clock: systemClock, principal: PRINCIPAL, triesAgain: true });
}
