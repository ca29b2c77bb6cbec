import {
  CreateTableCommand,
  DeleteItemCommand,
  DescribeTableCommand,
  GetItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
  UpdateTimeToLiveCommand,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import type { Clock } from '../lib/clock.ts';
import { requestPattern, type Command, type RequestPattern } from './request-pattern.ts';
import { serviceError } from './service-error.ts';
import { SignedCalls, type SignedAnswer } from './signed-calls.ts';

interface AnyCommand extends Command {
  readonly input: { readonly TableName?: string | undefined };
}

type Answer = Record<string, unknown>;

/** What a client is asked often. */
const OPERATIONS = [
  QueryCommand,
  GetItemCommand,
  UpdateItemCommand,
  DeleteItemCommand,
  ScanCommand,
  DescribeTableCommand,
  CreateTableCommand,
  UpdateTimeToLiveCommand,
] as readonly (new (input: never) => AnyCommand)[];

/** In whose answers seconds since the epoch are to be times. */
const OF_TABLES: ReadonlySet<unknown> = new Set([DescribeTableCommand, CreateTableCommand]);

/**
 * The same client, whose hot calls go past the SDK's middleware; the rest, and tables named by ARN, whose endpoint may be
 * another, go through it. Inputs and answers are JSON as the SDK has them, but for bytes, which stay base64: no row of ours
 * has any. Middleware that is added to the client later sees the rest alone.
 */
export function sendDirectly(client: DynamoDBClient, clock: Clock): DynamoDBClient {
  const bySdk = client.send.bind(client) as (command: AnyCommand, options?: object) => Promise<unknown>;
  const calls = new SignedCalls(client, clock);
  const patterns = new Map<string, RequestPattern>();

  /** Where an account has an endpoint of its own, other keys go elsewhere. */
  const patternOf = async (
    operation: (typeof OPERATIONS)[number],
    command: AnyCommand,
    { accountId = '', signal }: { accountId: string | undefined; signal: AbortSignal | undefined },
  ) => {
    const key = `${OPERATIONS.indexOf(operation)} ${accountId}`;
    const known = patterns.get(key);
    if (known) return known;
    const pattern = await requestPattern(bySdk, new operation(command.input as never), signal);
    patterns.set(key, pattern);
    return pattern;
  };

  const send = async (command: AnyCommand, options: { abortSignal?: AbortSignal } = {}): Promise<unknown> => {
    const operation = OPERATIONS.find((each) => command instanceof each);
    if (!operation || command.input.TableName?.startsWith('arn:')) return bySdk(command, options);
    const { abortSignal } = options;
    const keys = await client.config.credentials();
    const { accountId } = keys;
    const pattern = await patternOf(operation, command, { accountId, signal: abortSignal });
    const answer = await calls.send(pattern, JSON.stringify(command.input), { keys, abortSignal });
    return readAnswer(answer, OF_TABLES.has(operation));
  };
  return Object.assign(client, { send: send as DynamoDBClient['send'] });
}

/** @throws what the SDK throws */
function readAnswer({ body, ...answer }: SignedAnswer, hasTimes: boolean): Answer {
  const read = () => readMembers(body, hasTimes);
  if (answer.status !== 200) throw serviceError(answer, read);
  try {
    return read();
  } catch (thrown) {
    throw Object.assign(thrown as Error, { $metadata: { httpStatusCode: answer.status } });
  }
}

/** @throws SyntaxError */
function readMembers(body: Buffer, hasTimes: boolean): Answer {
  if (body.length === 0) return {};
  const value = JSON.parse(body.toString('utf8'), hasTimes ? withTimes : undefined) as unknown;
  return typeof value === 'object' && value !== null ? (value as Answer) : {};
}

function withTimes(name: string, value: unknown): unknown {
  return typeof value === 'number' && name.endsWith('DateTime') ? new Date(value * 1_000) : value;
}
