import type { Clock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import type {
  Batch,
  CloseReason,
  FailedResult,
  HandlerContext,
  HandlerResult,
  ProgramContext,
  ShardProgram,
} from './handler.ts';
import {
  checkpointAnswer,
  checkpointError,
  initializeMessage,
  parseFromProgram,
  plainMessage,
  processRecordsMessage,
  type Action,
  type CheckpointRequest,
} from './multilang-messages.ts';
import { ProgramProcess } from './program-process.ts';
import { aborted, unlessAborted } from './unless-aborted.ts';

export interface ExecProgramOptions {
  command: readonly string[];
  env: NodeJS.ProcessEnv;
  clock: Clock;
  context: ProgramContext;
  /** The program that had the shard before has ended. */
  before: Promise<void>;
}

/** What a program may take to finish a batch of a shard that is lost, to answer leaseLost, and to end, each, ms. */
const LAST_ANSWER_MS = 10_000;

interface Asked {
  action: Action;
  answer: (result: HandlerResult) => void;
}

/** One shard's process of a program written for KCL's MultiLangDaemon: a message, its answer, and so on. */
export class ExecProgram implements ShardProgram {
  readonly #options: ExecProgramOptions;
  readonly #broken = Promise.withResolvers<KcgError>();
  readonly #log: Log;
  #process: ProgramProcess | undefined;
  #asked: Asked | undefined;
  /** Resolves when nothing is asked any more. */
  #answered: Promise<unknown> = Promise.resolve();
  #isInitialized = false;
  #failure: KcgError | undefined;
  #isClosing = false;
  #lastErrorLine = '';

  constructor(options: ExecProgramOptions) {
    this.#options = options;
    this.#log = options.context.log;
  }

  get broken(): Promise<KcgError> {
    return this.#broken.promise;
  }

  async start(signal: AbortSignal): Promise<HandlerResult> {
    const { context, before } = this.#options;
    try {
      await unlessAborted(signal, () => before);
    } catch {
      return broken(aborted(signal));
    }
    if (this.#isClosing) return broken(new KcgError('Aborted', 'it is closed'));
    try {
      this.#process = this.#begin();
    } catch (thrown) {
      this.#fail(`cannot be run: ${KcgError.from(thrown).message}`);
    }
    const result = await this.#ask('initialize', initializeMessage(context), signal);
    this.#isInitialized = result.outcome === 'done';
    return result;
  }

  #begin(): ProgramProcess {
    const { command, env, clock } = this.#options;
    const program = new ProgramProcess({
      command,
      env,
      clock,
      onLine: (line, isCut) => this.#read(line, isCut),
      onMute: () => this.#fail('closed its standard output, by which it answers'),
      onErrorLine: (line, isCut) => {
        this.#lastErrorLine = line;
        this.#log.info('the program wrote to stderr', { line, ...(isCut ? { isCut } : {}) });
      },
    });
    void program.ended.then((how) => this.#ended(how));
    return program;
  }

  handle(batch: Batch, { signal }: HandlerContext): Promise<HandlerResult> {
    return this.#ask('processRecords', processRecordsMessage(batch), signal);
  }

  shardEnded(signal: AbortSignal): Promise<HandlerResult> {
    return this.#ask('shardEnded', plainMessage('shardEnded'), signal);
  }

  shutdownRequested(signal: AbortSignal): Promise<HandlerResult> {
    return this.#ask('shutdownRequested', plainMessage('shutdownRequested'), signal);
  }

  async close(reason: CloseReason): Promise<void> {
    this.#isClosing = true;
    const program = this.#process;
    if (program === undefined) return;
    if (reason !== 'Failed' && this.#failure === undefined) {
      // KCL lets it finish a batch of a shard that is lost; its checkpoints are refused by now.
      if (this.#isInitialized && reason !== 'ShardEnded' && (await this.#within(this.#answered)))
        await this.#within(this.#ask('leaseLost', plainMessage('leaseLost')));
      program.endInput();
      await program.endsWithin(LAST_ANSWER_MS);
    }
    await program.end();
  }

  async #ask(action: Action, message: string, signal?: AbortSignal): Promise<HandlerResult> {
    if (this.#failure) return broken(this.#failure);
    const { promise, resolve } = Promise.withResolvers<HandlerResult>();
    this.#asked = { action, answer: resolve };
    this.#answered = promise;
    this.#process?.send(message);
    try {
      return await (signal ? unlessAborted(signal, () => promise) : promise);
    } catch {
      return broken(aborted(signal!));
    }
  }

  #read(line: string, isCut: boolean): void {
    const message = isCut ? undefined : parseFromProgram(line);
    if (message?.action === 'status') this.#status(message.responseFor);
    else if (message) this.#checkpoint(message);
    else {
      const shown = line.slice(0, 1_000);
      const isShort = shown.length < line.length || isCut;
      this.#log.info('the program printed a line that is no message', {
        line: shown,
        ...(isShort ? { isCut: true } : {}),
      });
    }
  }

  #status(responseFor: string): void {
    const asked = this.#asked;
    if (asked?.action === responseFor) {
      this.#asked = undefined;
      return asked.answer({ outcome: 'done' });
    }
    const awaited = asked ? `though ${asked.action} was asked` : 'though nothing was asked';
    this.#fail(`answered ${responseFor.slice(0, 100)}, ${awaited}`);
  }

  /** Also while nothing is asked: a program may checkpoint by the clock. */
  #checkpoint(request: CheckpointRequest): void {
    const { sequenceNumber, subSequenceNumber } = request;
    const mayCheckpoint = this.#isInitialized && this.#asked?.action !== 'leaseLost';
    if (!mayCheckpoint) return this.#process?.send(checkpointAnswer(request, 'InvalidStateException'));
    const answer = this.#options.context.checkpoint(
      sequenceNumber === null
        ? 'all delivered'
        : {
            sequence: sequenceNumber,
            ...(subSequenceNumber === null ? {} : { subSequence: subSequenceNumber }),
          },
    );
    const error = checkpointError(answer);
    if (answer.outcome === 'refused')
      this.#log.warn('a checkpoint of the program was refused', { error, why: answer.message });
    this.#process?.send(checkpointAnswer(request, error));
  }

  #ended(how: string): void {
    if (this.#isClosing) this.#failure ??= new KcgError('Aborted', 'it is closed');
    const last =
      this.#lastErrorLine === '' ? '' : `; the last it wrote to stderr: ${this.#lastErrorLine.slice(0, 500)}`;
    this.#fail(`${how}${last}`);
  }

  #fail(what: string): void {
    const { command, context } = this.#options;
    const name = command.join(' ').slice(0, 200);
    this.#failure ??= new KcgError('HandlerFailed', `the program ${name} ${what}`, {
      resource: `shard ${context.shardId}`,
    });
    this.#asked?.answer(broken(this.#failure));
    this.#asked = undefined;
    this.#broken.resolve(this.#failure);
  }

  /** True when it is done in time. */
  async #within(work: Promise<unknown>): Promise<boolean> {
    const over = new AbortController();
    const late = this.#options.clock.sleep(LAST_ANSWER_MS, { signal: over.signal }).then(() => false);
    const isDone = await Promise.race([work.then(() => true), late]);
    over.abort();
    return isDone;
  }
}

function broken(error: KcgError): FailedResult {
  return { outcome: 'failed', error, isBroken: true };
}
