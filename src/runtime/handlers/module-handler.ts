import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { assert } from '../../lib/assert.ts';
import { KcgError } from '../../lib/errors.ts';
import { resultOf } from './answer-meaning.ts';
import { failed } from './batch-item-failures.ts';
import { batchRecord } from './batch-record.ts';
import type { Batch, Handler, HandlerContext, HandlerResult } from './handler.ts';
import type { BatchHandler } from './module-types.ts';
import { aborted, unlessAborted } from './unless-aborted.ts';

const SHOWN_CHARACTERS = 500;

/** Runs the default export of a JavaScript or TypeScript file, an absolute path, in the worker's own process. */
export function moduleHandler(path: string): Handler {
  let handle: BatchHandler | undefined;
  const folder = `${dirname(path)}/`;
  return {
    kind: 'module',
    async start(signal) {
      handle = await unlessAborted(signal, () => load(path));
    },
    handle(batch, context) {
      assert(handle, 'a batch came before the module was loaded');
      return run(handle, batch, context, folder);
    },
    close: async () => {},
  };
}

async function run(
  handle: BatchHandler,
  batch: Batch,
  context: HandlerContext,
  folder: string,
): Promise<HandlerResult> {
  const { signal, groupId, streamName, shardId, attempt, log } = context;
  const { millisBehindLatest } = batch;
  try {
    const records = batch.records.map(batchRecord);
    const answer = await unlessAborted(signal, async () =>
      handle(
        { shardId, records, millisBehindLatest },
        { signal, groupId, streamName, shardId, attempt, log },
      ),
    );
    return resultOf(answer, batch.records);
  } catch (thrown) {
    if (signal.aborted) return { outcome: 'failed', error: aborted(signal) };
    return failed(`the handler threw ${describe(thrown, folder)}`, thrown);
  }
}

async function load(path: string): Promise<BatchHandler> {
  const exported = await importDefault(path);
  // CommonJS that was compiled from `export default` has its exports object as the default export.
  const inner = (exported as { default?: unknown } | null | undefined)?.default;
  for (const candidate of [exported, inner]) {
    if (typeof candidate === 'function') return candidate as BatchHandler;
  }
  throw new KcgError('InvalidInput', `handler module ${path} has no default export that is a function`, {
    fix: 'Write: export default async (batch, context) => { … }',
  });
}

async function importDefault(path: string): Promise<unknown> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) {
    const problem = found ? 'is not a file' : 'does not exist';
    throw new KcgError('InvalidInput', `handler module ${path} ${problem}`, {
      fix: 'Set spec.handler.module.path to a file that the worker can read.',
    });
  }
  try {
    return ((await import(pathToFileURL(path).href)) as { default?: unknown }).default;
  } catch (cause) {
    const message = `handler module ${path} cannot be loaded: ${describe(cause)}`;
    throw new KcgError('InvalidInput', message, { cause, fix: `See what "node ${path}" prints.` });
  }
}

/**
 * One line, with the place in the author's own files: where it was thrown, or for a syntax error, whose stack begins with
 * it, where that is.
 */
function describe(thrown: unknown, folder = ''): string {
  if (typeof thrown === 'string') return shorten(thrown);
  if (!(thrown instanceof Error)) return shorten(inspect(thrown, { depth: 0, maxArrayLength: 0 }));
  const stack = thrown.stack ?? '';
  const [, syntax] = /^(?:file:\/\/)?(\/\S+:\d+)\n/.exec(stack) ?? [];
  const frames = [...stack.matchAll(/\n +at .*?(?:file:\/\/)?(\/[^\s()]+:\d+):\d+/g)].map(
    ([, frame]) => frame!,
  );
  const place = syntax ?? (folder && frames.find((frame) => frame.startsWith(folder)));
  return shorten(`${thrown.name}: ${thrown.message}${place ? ` (${place})` : ''}`);
}

function shorten(text: string): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, SHOWN_CHARACTERS);
}
