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
import { ClassProgram } from './shard-class.ts';
import { UnawaitedWork } from './unawaited-work.ts';
import { aborted, unlessAborted } from './unless-aborted.ts';

export interface ModuleDeps {
  clock: Clock;
  log: Log;
}

/** Runs what a JavaScript or TypeScript file exports, in the worker's own process. */
export function moduleHandler(file: ModuleFile, { clock, log }: ModuleDeps): Handler {
  return new OwnHandler({ load: () => loadModule(file, log), folder: `${dirname(file.path)}/`, clock });
}

export interface OwnHandlerOptions {
  /** @throws KcgError `InvalidInput` when there is nothing to be called */
  load: () => Promise<ModuleExport>;
  /** Where the author's code lies, for the places in its errors; empty where that is not known. */
  folder: string;
  clock: Clock;
}

/** Calls code of this process: a function, a class with an instance for each shard, or a Lambda function. */
export class OwnHandler implements Handler {
  readonly kind = 'module';
  readonly #options: OwnHandlerOptions;
  readonly #work = new UnawaitedWork();
  #loaded: ModuleExport | undefined;
  /** Of a class alone, which is known once it is loaded. */
  open?: NonNullable<Handler['open']>;

  constructor(options: OwnHandlerOptions) {
    this.#options = options;
  }

  async start(signal: AbortSignal): Promise<void> {
    const loaded = await unlessAborted(signal, () => this.#options.load());
    this.#loaded = loaded;
    if (loaded.form !== 'class') return;
    const { folder, clock } = this.#options;
    const { made } = loaded;
    this.open = (context) =>
      new ClassProgram(
        {
          made,
          folder,
          clock,
          callOwn: ({ signal, shardId, log }, call) => this.#work.run({ shardId, folder, log }, signal, call),
        },
        context,
      );
  }

  async handle(batch: Batch, context: HandlerContext): Promise<HandlerResult> {
    const { folder } = this.#options;
    const { signal, shardId, log } = context;
    let called: Promise<unknown> | undefined;
    try {
      const answer = await unlessAborted(signal, () => {
        called = this.#work.run({ shardId, folder, log }, signal, () => this.#call(batch, context));
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

  async close(): Promise<void> {}

  /** In its own form. */
  #call(batch: Batch, context: HandlerContext): unknown {
    const loaded = this.#loaded;
    assert(loaded && loaded.form !== 'class', 'a batch came before the module was loaded');
    if (loaded.form === 'lambda') {
      return callLambda(loaded.call, batch, context, { clock: this.#options.clock, uuid: randomUUID });
    }
    const { shardId, millisBehindLatest } = batch;
    const { signal, groupId, streamName, attempt, traceparent, log } = context;
    const records = batch.records.map(batchRecord);
    return loaded.call(
      { shardId, records, millisBehindLatest },
      { signal, groupId, streamName, shardId, attempt, traceparent, log },
    );
  }
}
