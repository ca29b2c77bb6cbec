import type { Unanswered } from './request-handler.ts';

/** What is read from what the SDK throws, whichever class that is. */
export interface SdkError {
  name: string;
  message: string;
  /** Node's code of a network error. */
  code: string | undefined;
  address: string | undefined;
  /** The file that could not be read, or program that could not be started: only credentials come from there. */
  path: string | undefined;
  status: number | undefined;
  /** Of the call, as far as it was tried again; else 1. */
  attempts: number;
  /** Where the request went that got no answer. */
  request: Unanswered['awsRequest'] | undefined;
}

/** Takes anything, also what is no Error. Of a message the first line is kept. */
export function readSdkError(thrown: unknown): SdkError {
  const raw = (
    typeof thrown === 'object' && thrown !== null ? thrown : { message: String(thrown) }
  ) as Record<string, unknown>;
  const { httpStatusCode, attempts = 1 } = (raw['$metadata'] ?? {}) as {
    httpStatusCode?: number;
    attempts?: number;
  };
  const address = raw['hostname'] ?? raw['address'];
  const { port } = raw as { port?: number };
  return {
    name: typeof raw['name'] === 'string' ? raw['name'] : 'Error',
    message:
      typeof raw['message'] === 'string' && raw['message'] !== '' ? firstLine(raw['message']) : 'no message',
    code: typeof raw['code'] === 'string' ? raw['code'] : undefined,
    address: typeof address === 'string' ? (port === undefined ? address : `${address}:${port}`) : undefined,
    path: typeof raw['path'] === 'string' ? raw['path'] : undefined,
    status: httpStatusCode,
    attempts,
    request: raw['awsRequest'] as SdkError['request'],
  };
}

/** The SDK adds hints for its own debugging on further lines. */
function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? message;
}
