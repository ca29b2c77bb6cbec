import { pathToFileURL } from 'node:url';
import { assert } from '../../lib/assert.ts';
import { KcgError } from '../../lib/errors.ts';
import { failed, resultOf, unlessAborted } from './batch-item-failures.ts';
import type { Batch, Handler, HandlerContext, HandlerResult } from './handler.ts';
import { handlerRecord, type ModuleHandler } from './module-types.ts';

/** Runs the default export of a JavaScript or TypeScript file in the worker's own process. */
export function moduleHandler(path: string): Handler {
  let handle: ModuleHandler | undefined;
  return {
    kind: 'module',
    async start() {
      handle = await load(path);
    },
    handle(batch, context) {
      assert(handle, 'a batch came before the module was loaded');
      return unlessAborted(context.signal, run(handle, batch, context));
    },
    close: async () => {},
  };
}

async function load(path: string): Promise<ModuleHandler> {
  let module: { default?: unknown };
  try {
    module = (await import(pathToFileURL(path).href)) as { default?: unknown };
  } catch (cause) {
    throw new KcgError(
      'InvalidInput',
      `handler module ${path} cannot be loaded: ${(cause as Error).message}`,
      {
        cause,
        fix: 'Check spec.handler.module.path, and that the file runs with "node FILE".',
      },
    );
  }
  if (typeof module.default === 'function') return module.default as ModuleHandler;
  throw new KcgError('InvalidInput', `handler module ${path} has no default export that is a function`, {
    fix: 'Write: export default async (batch, context) => { … }',
  });
}

async function run(handle: ModuleHandler, batch: Batch, context: HandlerContext): Promise<HandlerResult> {
  const { signal, groupId, streamName, shardId, attempt, log } = context;
  const records = batch.records.map(handlerRecord);
  try {
    const answer = await handle(
      { shardId, records, millisBehindLatest: batch.millisBehindLatest },
      { signal, groupId, streamName, shardId, attempt, log },
    );
    return resultOf(answer, batch.records);
  } catch (thrown) {
    const message = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
    return failed(`the handler threw ${message}`, thrown);
  }
}
