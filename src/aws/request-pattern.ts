import { KcgError } from '../lib/errors.ts';
import type { SigningScope } from './sign-request.ts';

/** What all requests of an operation have in common, from one client with the same account. */
export interface RequestPattern {
  protocol: string;
  hostname: string;
  port?: number;
  path: string;
  /** To be signed: `host`, `content-type` and `x-amz-target`. */
  headers: Record<string, string>;
  /** Sent as they are. */
  plainHeaders: Record<string, string>;
  scope: SigningScope;
}

interface BuiltRequest extends Pick<RequestPattern, 'protocol' | 'hostname' | 'port' | 'path'> {
  headers: Record<string, string>;
}

/** What is used of an SDK's command. */
export interface Command {
  middlewareStack: { add: (middleware: never, options: never) => void };
}

/** Sends a command by the SDK. */
export type Send = (command: never, options?: { abortSignal: AbortSignal }) => Promise<unknown>;

/** Thrown where the SDK would send. */
class NotSent extends Error {}

/**
 * How the SDK would send a command, which is of no use afterwards: it builds and signs one request and sends nothing.
 * Endpoints and regions stay the SDK's to know so.
 * @throws what the SDK throws when it cannot build one: no region, no credentials
 */
export async function requestPattern(
  send: Send,
  command: Command,
  abortSignal: AbortSignal | undefined,
): Promise<RequestPattern> {
  let built: BuiltRequest | undefined;
  const sendNothing =
    () =>
    async ({ request }: { request: BuiltRequest }) => {
      built = request;
      throw new NotSent();
    };
  const at = { step: 'deserialize', priority: 'low', name: 'sendNothing' };
  command.middlewareStack.add(sendNothing as never, at as never);
  try {
    await send(command as never, abortSignal && { abortSignal });
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
    throw new KcgError('Internal', 'the AWS SDK built no signed request');
  }
  const { protocol, hostname, port, path } = built;
  const plainHeaders = Object.entries(headers).filter(([name]) => /^(x-amz-)?user-agent$/.test(name));
  return {
    protocol,
    hostname,
    ...(port === undefined ? {} : { port }),
    path,
    headers: {
      host,
      'content-type': headers['content-type'] ?? '',
      'x-amz-target': headers['x-amz-target'] ?? '',
    },
    plainHeaders: Object.fromEntries(plainHeaders),
    scope: { region, service },
  };
}
