import { backoffMs, type BackoffOptions } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { systemRandom, type Random } from '../lib/random.ts';
import { translateAwsError } from './errors.ts';

/** Attempts of one call. */
const ATTEMPTS = 4;
/** As the SDK's standard mode has them: a table or a stream has room again after a second, a connection at once. */
const THROTTLED: BackoffOptions = { baseMs: 1_000, maxMs: 4_000 };
const UNAVAILABLE: BackoffOptions = { baseMs: 100, maxMs: 1_000 };
/** What may be done twice. */
const READ = /^(Describe|Get|List|Query|Receive|Scan)/;

/** What is used of an SDK client. */
interface Client {
  middlewareStack: { add: (middleware: never, options: { step: 'initialize'; name: string }) => void };
}
type Send = (args: unknown) => Promise<unknown>;
interface Context {
  commandName?: string;
  __smithy_context?: { abortSignal?: AbortSignal };
}

/**
 * For the calls of a person, who has no loop to come again: what was throttled is tried up to four times, and a read also
 * when the service or the network failed. A write without an answer may have been done, and is not. Whatever bounds the
 * call bounds all of it.
 */
export function tryAgain<C extends Client>(
  client: C,
  { clock, random = systemRandom }: { clock: Clock; random?: Random },
): C {
  const middleware =
    (next: Send, { commandName = '', __smithy_context: { abortSignal: signal } = {} }: Context): Send =>
    async (args) => {
      for (let attempts = 1; ; attempts += 1) {
        try {
          return await next(args);
        } catch (thrown) {
          const backoff = backoffFor(thrown, commandName);
          if (backoff === undefined || attempts === ATTEMPTS || signal?.aborted)
            throw withAttempts(thrown, attempts);
          await clock.sleep(backoffMs(attempts, random, backoff), { signal });
        }
      }
    };
  client.middlewareStack.add(middleware as never, { step: 'initialize', name: 'tryAgain' });
  return client;
}

/** Undefined = it would not help, or would do something twice. */
function backoffFor(thrown: unknown, command: string): BackoffOptions | undefined {
  const { code } = translateAwsError(thrown, { action: command, resource: '', principal: '' });
  if (code === 'Throttled') return THROTTLED;
  if (!READ.test(command)) return undefined;
  // Kinesis names so what is asked for too often; where something is made, it is a quota.
  if (code === 'LimitExceeded') return THROTTLED;
  return code === 'Unavailable' ? UNAVAILABLE : undefined;
}

/** Where the SDK notes its own. */
function withAttempts(thrown: unknown, attempts: number): unknown {
  if (thrown instanceof Error) {
    const noted = thrown as { $metadata?: object };
    noted.$metadata = { ...noted.$metadata, attempts };
  }
  return thrown;
}
