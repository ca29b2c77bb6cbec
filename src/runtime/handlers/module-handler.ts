import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { assert } from '../../lib/assert.ts';
import { KcgError } from '../../lib/errors.ts';
import { resultOf } from './answer-meaning.ts';
import { failed } from './batch-item-failures.ts';
import { batchRecord } from './batch-record.ts';
import { describeThrown } from './describe-thrown.ts';
import type { Batch, Handler, HandlerContext, HandlerResult } from './handler.ts';
import type { BatchHandler } from './module-types.ts';
import { UnawaitedWork } from './unawaited-work.ts';
import { aborted, unlessAborted } from './unless-aborted.ts';

/** Runs the default export of a JavaScript or TypeScript file, an absolute path, in the worker's own process. */
export function moduleHandler(path: string): Handler {
  let handle: BatchHandler | undefined;
  const folder = `${dirname(path)}/`;
  const work = new UnawaitedWork();
  return {
    kind: 'module',
    async start(signal) {
      handle = await unlessAborted(signal, () => load(path));
    },
    handle(batch, context) {
      assert(handle, 'a batch came before the module was loaded');
      return run({ handle, folder, work }, batch, context);
    },
    close: async () => {},
  };
}

interface Module {
  handle: BatchHandler;
  /** Where it lies, for the places in its errors. */
  folder: string;
  work: UnawaitedWork;
}

async function run(
  { handle, folder, work }: Module,
  batch: Batch,
  context: HandlerContext,
): Promise<HandlerResult> {
  const { signal, groupId, streamName, shardId, attempt, log } = context;
  const { millisBehindLatest } = batch;
  let called: Promise<unknown> | undefined;
  try {
    const records = batch.records.map(batchRecord);
    const given = { shardId, records, millisBehindLatest };
    const about = { signal, groupId, streamName, shardId, attempt, log };
    const answer = await unlessAborted(signal, () => {
      called = work.run({ shardId, folder, log }, signal, () => handle(given, about));
      return called;
    });
    return resultOf(answer, batch.records);
  } catch (thrown) {
    if (signal.aborted) {
      const running = called?.then(
        () => {},
        () => {},
      );
      return { outcome: 'failed', error: aborted(signal), ...(running ? { running } : {}) };
    }
    return failed(`the handler threw ${describeThrown(thrown, folder)}`, thrown);
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
    const message = `handler module ${path} cannot be loaded: ${describeThrown(cause)}`;
    throw new KcgError('InvalidInput', message, { cause, fix: `See what "node ${path}" prints.` });
  }
}
