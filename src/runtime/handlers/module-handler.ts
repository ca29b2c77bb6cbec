import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import { assert } from '../../lib/assert.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { resultOf } from './answer-meaning.ts';
import { failed } from './batch-item-failures.ts';
import { batchRecord } from './batch-record.ts';
import { describeThrown } from './describe-thrown.ts';
import type { Batch, Handler, HandlerContext, HandlerResult } from './handler.ts';
import { callLambda } from './lambda-function.ts';
import { loadModule, type ModuleFile } from './load-module.ts';
import type { ModuleExport } from './module-export.ts';
import { UnawaitedWork } from './unawaited-work.ts';
import { aborted, unlessAborted } from './unless-aborted.ts';

export interface ModuleDeps {
  clock: Clock;
  log: Log;
}

/** Runs what a JavaScript or TypeScript file exports, in the worker's own process. */
export function moduleHandler(file: ModuleFile, { clock, log }: ModuleDeps): Handler {
  let loaded: ModuleExport | undefined;
  const folder = `${dirname(file.path)}/`;
  const work = new UnawaitedWork();
  return {
    kind: 'module',
    async start(signal) {
      loaded = await unlessAborted(signal, () => loadModule(file, log));
    },
    handle(batch, context) {
      assert(loaded, 'a batch came before the module was loaded');
      return run({ loaded, folder, work, clock }, batch, context);
    },
    close: async () => {},
  };
}

interface Module {
  loaded: ModuleExport;
  /** Where it lies, for the places in its errors. */
  folder: string;
  work: UnawaitedWork;
  clock: Clock;
}

/** Calls it in its own form. */
function call({ loaded, clock }: Module, batch: Batch, context: HandlerContext): unknown {
  if (loaded.form === 'lambda') return callLambda(loaded.call, batch, context, { clock, uuid: randomUUID });
  const { shardId, millisBehindLatest } = batch;
  const { signal, groupId, streamName, attempt, log } = context;
  const records = batch.records.map(batchRecord);
  return loaded.call(
    { shardId, records, millisBehindLatest },
    { signal, groupId, streamName, shardId, attempt, log },
  );
}

async function run(module: Module, batch: Batch, context: HandlerContext): Promise<HandlerResult> {
  const { folder, work } = module;
  const { signal, shardId, log } = context;
  let called: Promise<unknown> | undefined;
  try {
    const answer = await unlessAborted(signal, () => {
      called = work.run({ shardId, folder, log }, signal, () => call(module, batch, context));
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
