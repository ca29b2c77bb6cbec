import { GetRecordsCommand, type GetRecordsCommandInput, type KinesisClient } from '@aws-sdk/client-kinesis';
import { KcgError } from '../../lib/errors.ts';
import type { SigningScope } from './sign-request.ts';

/** What all GetRecords requests of a client have in common. */
export interface RequestPattern {
  protocol: string;
  hostname: string;
  port?: number;
  path: string;
  /** To be signed: `host` and `x-amz-target`. */
  headers: Record<string, string>;
  /** Sent as they are. */
  plainHeaders: Record<string, string>;
  scope: SigningScope;
}

interface BuiltRequest extends Pick<RequestPattern, 'protocol' | 'hostname' | 'port' | 'path'> {
  headers: Record<string, string>;
}

/** Thrown where the SDK would send. */
class NotSent extends Error {}

/**
 * How the SDK would send GetRecords: it builds and signs one request and sends nothing. Endpoints and regions stay the
 * SDK's to know so.
 * @throws what the SDK throws when it cannot build one: no region, no credentials
 */
export async function requestPattern(
  client: KinesisClient,
  input: GetRecordsCommandInput,
  abortSignal: AbortSignal,
): Promise<RequestPattern> {
  const command = new GetRecordsCommand(input);
  let built: BuiltRequest | undefined;
  command.middlewareStack.add(
    () =>
      async ({ request }) => {
        built = request as BuiltRequest;
        throw new NotSent();
      },
    { step: 'deserialize', priority: 'low', name: 'sendNothing' },
  );
  try {
    await client.send(command, { abortSignal });
  } catch (thrown) {
    if (!(thrown instanceof NotSent)) throw thrown;
  }
  return readPattern(built);
}

function readPattern(built: BuiltRequest | undefined): RequestPattern {
  const { authorization = '', host = '', ...headers } = built?.headers ?? {};
  const [, region, service] =
    /Credential=[^,]+\/\d{8}\/([^/,]+)\/([^/,]+)\/aws4_request/.exec(authorization) ?? [];
  if (!built || region === undefined || service === undefined) {
    throw new KcgError('Internal', 'the AWS SDK built no signed GetRecords request');
  }
  const { protocol, hostname, port, path } = built;
  const plainHeaders = Object.entries(headers).filter(([name]) => /^(x-amz-)?user-agent$/.test(name));
  return {
    protocol,
    hostname,
    ...(port === undefined ? {} : { port }),
    path,
    headers: { host, 'x-amz-target': headers['x-amz-target'] ?? '' },
    plainHeaders: Object.fromEntries(plainHeaders),
    scope: { region, service },
  };
}
