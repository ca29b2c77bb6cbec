import { systemClock } from '../lib/clock.ts';
import { awsCredentials, type AwsCredentials } from './credentials.ts';
import { AwsRequestHandler, type RequestHandlerOptions } from './request-handler.ts';

export interface AwsClientOptions extends RequestHandlerOptions {
  /** Undefined = as AWS is configured on this machine. */
  region: string | undefined;
  /** `http://…` or `https://…`, for emulators and VPC endpoints. */
  endpoint: string | undefined;
  /** Default: a search of its own, see `awsCredentials`. */
  credentials: AwsCredentials | AwsKeys | undefined;
}

export interface AwsKeys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

/**
 * What all AWS clients are built from: one attempt a call, as callers have their own deadlines and retries. An endpoint that
 * is named is called as it is named: FIPS and dual-stack, which choose among AWS's own, are left out beside it, as the SDK
 * refuses the two together.
 */
export function awsClientConfig({ region, endpoint, credentials, ...network }: AwsClientOptions) {
  return {
    maxAttempts: 1,
    requestHandler: new AwsRequestHandler(network),
    credentials: credentials ?? awsCredentials({ clock: systemClock }),
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint, useFipsEndpoint: false, useDualstackEndpoint: false }),
  };
}
