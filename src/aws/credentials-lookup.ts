/** The SDK's own word for where it looked last, like `fromTokenFile`; undefined where it did not say. */
export type CredentialsSource = string | undefined;
/** That of a role which kcg itself assumes. */
export const ASSUMED_ROLE = 'assumedRole';

export interface LookupFailure {
  source: CredentialsSource;
  /** The source was asked, and did not answer. */
  silent: boolean;
  /** A call waited this long for a search that goes on, ms; undefined = the search ended with `cause`. */
  waitedMs?: number | undefined;
  cause?: unknown;
}

/** No credentials to sign a call with, which was therefore not made. Told to people by `translateAwsError`. */
export class CredentialsLookupError extends Error {
  readonly failure: LookupFailure;

  constructor(failure: LookupFailure) {
    const { cause } = failure;
    const why = cause instanceof Error ? cause.message : `no answer after ${failure.waitedMs} ms`;
    super(`no credentials: ${why}`, { cause });
    this.name = 'CredentialsLookupError';
    this.failure = failure;
  }
}

/** As people know it, with its address where the environment says one. */
export function sourceInWords(source: CredentialsSource): string {
  const { env } = process;
  switch (source) {
    case 'fromTokenFile':
    case ASSUMED_ROLE:
      return 'STS';
    case 'fromSSO':
      return 'IAM Identity Center';
    case 'fromIni':
      return 'what the shared AWS files name';
    case 'fromProcess':
      return "the profile's credential_process";
    case 'fromHttp':
      return `the container credentials service${at(env['AWS_CONTAINER_CREDENTIALS_FULL_URI'])}`;
    case 'fromInstanceMetadata':
      return `the instance metadata service${at(env['AWS_EC2_METADATA_SERVICE_ENDPOINT'] ?? 'http://169.254.169.254')}`;
    default:
      return 'the source of credentials';
  }
}

function at(uri: string | undefined): string {
  return uri === undefined || !URL.canParse(uri) ? '' : ` at ${new URL(uri).host}`;
}
