import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { withDeadline, type Clock } from '../lib/clock.ts';
import { KcgError } from '../lib/errors.ts';
import { awsClientConfig } from './client-config.ts';
import { ASSUMED_ROLE } from './credentials-lookup.ts';
import { keptCredentials, type AwsCredentials, type Identity } from './credentials.ts';
import { translateAwsError } from './errors.ts';
import { deniedIn } from './refusals.ts';
import { readSdkError } from './sdk-error.ts';

export interface AssumedRoleOptions {
  clock: Clock;
  /** Of STS: each region has its own. */
  region: string;
  role: { arn: string; externalId: string; sessionName: string };
  /** Who assumes it, and what they are called in errors. */
  credentials: AwsCredentials;
  principal: string;
}

export interface AssumedRole {
  credentials: AwsCredentials;
  close(): void;
}

const TIMEOUT_MS = 5_000;
/** How long a role that was refused is not asked for again. */
const REFUSED_MS = 5_000;

/** Credentials of a role, for an hour at a time, as AWS gives no more to who has come by a role already. */
export function assumedRole(options: AssumedRoleOptions): AssumedRole {
  const { clock, region, credentials } = options;
  const client = new STSClient(
    awsClientConfig({
      region,
      endpoint: undefined,
      credentials,
      connectionTimeoutMs: 1_000,
      socketTimeoutMs: TIMEOUT_MS,
      maxSockets: 4,
    }),
  );
  let refused: { error: KcgError; untilMs: number } | undefined;
  const find = async (_: unknown, onSource: (name: string) => void): Promise<Identity> => {
    onSource(ASSUMED_ROLE);
    // One look at a group makes several calls.
    if (refused && clock.monotonic() < refused.untilMs) throw refused.error;
    try {
      return await assume(client, options);
    } catch (thrown) {
      const error = refusal(thrown, options);
      refused = { error, untilMs: clock.monotonic() + REFUSED_MS };
      throw error;
    }
  };
  return {
    credentials: keptCredentials({ stamp: async () => '', find }, { clock }),
    close: () => client.destroy(),
  };
}

async function assume(client: STSClient, { clock, role }: AssumedRoleOptions): Promise<Identity> {
  const { arn: RoleArn, externalId: ExternalId, sessionName: RoleSessionName } = role;
  const command = new AssumeRoleCommand({ RoleArn, ExternalId, RoleSessionName });
  const { Credentials: given } = await withDeadline(
    clock,
    TIMEOUT_MS,
    { what: 'sts:AssumeRole' },
    (abortSignal) => client.send(command, { abortSignal }),
  );
  if (!given?.AccessKeyId || !given.SecretAccessKey)
    throw new KcgError('Unavailable', 'sts:AssumeRole gave no credentials', { resource: RoleArn });
  return {
    accessKeyId: given.AccessKeyId,
    secretAccessKey: given.SecretAccessKey,
    ...(given.SessionToken === undefined ? {} : { sessionToken: given.SessionToken }),
    ...(given.Expiration === undefined ? {} : { expiration: given.Expiration }),
  };
}

/** `Credentials` when STS says no: a new trust policy takes effect late, so it is tried again. */
function refusal(thrown: unknown, { role, region, principal }: AssumedRoleOptions): KcgError {
  const { arn, externalId } = role;
  const { message } = readSdkError(thrown);
  if (deniedIn(message)?.action !== 'sts:AssumeRole')
    return translateAwsError(thrown, { action: 'sts:AssumeRole', resource: arn, principal, region });
  return new KcgError('Credentials', `STS did not give ${arn}: ${message}`, {
    cause: thrown,
    resource: arn,
    fix: `Let the trust policy of ${arn} allow sts:AssumeRole to ${principal} with sts:ExternalId ${externalId}, and a policy of ${principal}, too.`,
  });
}
