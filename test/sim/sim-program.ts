import type { UserRecord } from '../../src/kinesis/record.ts';
import { hasCode, KcgError } from '../../src/lib/errors.ts';
import { randomInt } from '../../src/lib/random.ts';
import type {
  AskedPosition,
  Batch,
  CloseReason,
  HandlerContext,
  HandlerResult,
  ProgramContext,
  ShardProgram,
} from '../../src/runtime/handlers/handler.ts';
import { unlessAborted } from '../../src/runtime/handlers/unless-aborted.ts';
import { CALM, isPoison, type SimHandlerOptions } from './sim-handler.ts';

const DONE: HandlerResult = { outcome: 'done' };
const BEYOND = { sequence: '9'.repeat(60) };

/** User code that checkpoints itself, when it likes, and dies now and then: of one shard, from one start to one end. */
export class SimProgram implements ShardProgram {
  readonly #options: SimHandlerOptions;
  readonly #context: ProgramContext;
  readonly #ref: string;
  readonly #death = Promise.withResolvers<KcgError>();
  #last: string | undefined;
  #isOver = false;

  constructor(options: SimHandlerOptions, context: ProgramContext) {
    this.#options = options;
    this.#context = context;
    this.#ref = options.ref();
  }

  get broken(): Promise<KcgError> {
    return this.#death.promise;
  }

  start(signal: AbortSignal): Promise<HandlerResult> {
    const { checker } = this.#options;
    checker.programStarts(this.#ref, this.#context.shardId);
    return this.#do(signal, async () => {});
  }

  async handle(batch: Batch, { signal }: HandlerContext): Promise<HandlerResult> {
    const { process, random, checker, mood } = this.#options;
    const { shardId, records } = batch;
    const delivery = checker.delivered(this.#ref, batch, process, signal);
    try {
      return await this.#do(signal, async () => {
        const poisoned = records.some((record) => isPoison(record, mood().poison)) && random() < 0.5;
        if (poisoned || this.#is(mood().throws)) throw new KcgError('HandlerFailed', 'it died');
        checker.processed(this.#ref, shardId, records, records.length, false);
        this.#last = records.at(-1)!.sequence;
        this.#checkpointAsItLikes(records);
        if (this.#is(mood().throws)) this.#dieSoon();
      });
    } finally {
      delivery.over();
    }
  }

  shardEnded(signal: AbortSignal): Promise<HandlerResult> {
    return this.#do(signal, async () => {
      if (!this.#isCalm && this.#options.random() < 0.2) return;
      const { outcome } = this.#context.checkpoint('all delivered');
      if (outcome === 'noted') this.#options.checker.checkpointedEnd(this.#context.shardId);
    });
  }

  shutdownRequested(signal: AbortSignal): Promise<HandlerResult> {
    return this.#do(signal, async () => {
      if (this.#last !== undefined && (this.#isCalm || this.#options.random() < 0.7))
        this.#checkpoint('all delivered', this.#last);
    });
  }

  async close(reason: CloseReason): Promise<void> {
    this.#isOver = true;
    if (reason === 'Failed') return;
    await this.#options.process.sleep(this.#options.random() * 500);
    if (this.#context.checkpoint('all delivered').outcome === 'noted')
      this.#options.checker.violations.push(`${this.#ref} checkpoints ${this.#context.shardId} when closed`);
  }

  get #isCalm(): boolean {
    return this.#options.mood() === CALM;
  }

  #is(share: number): boolean {
    return share > 0 && this.#options.random() < share;
  }

  /** As long as user code may take; what is told to stop or dies is broken. */
  async #do(signal: AbortSignal, work: () => Promise<void>): Promise<HandlerResult> {
    const { process, random, mood } = this.#options;
    const tookMs = this.#is(mood().hangs)
      ? random() * 60_000
      : this.#is(mood().slow)
        ? random() * 10_000
        : random() * 25;
    try {
      await unlessAborted(signal, () => process.sleep(tookMs, { signal }));
      if (this.#isOver) throw new KcgError('HandlerFailed', 'it is dead');
      await work();
      return DONE;
    } catch (thrown) {
      if (!hasCode(thrown, 'Aborted')) this.#isOver = true;
      return { outcome: 'failed', error: KcgError.from(thrown), isBroken: true };
    }
  }

  #dieSoon(): void {
    const { process, random } = this.#options;
    void process.sleep(random() * 3_000).then(() => {
      this.#isOver = true;
      this.#death.resolve(new KcgError('HandlerFailed', 'it died with nothing to do'));
    });
  }

  #checkpointAsItLikes(records: readonly UserRecord[]): void {
    const { random } = this.#options;
    const choice = this.#isCalm ? 0 : random();
    const { sequence } = records[randomInt(random, records.length)]!;
    if (choice < 0.3) this.#checkpoint('all delivered', records.at(-1)!.sequence);
    else if (choice < 0.5) this.#checkpoint({ sequence }, sequence);
    else if (choice < 0.6) this.#refuse(BEYOND);
  }

  #checkpoint(asked: AskedPosition, sequence: string): void {
    const { outcome } = this.#context.checkpoint(asked);
    if (outcome === 'noted') this.#options.checker.checkpointed(this.#ref, this.#context.shardId, sequence);
  }

  #refuse(asked: AskedPosition): void {
    if (this.#context.checkpoint(asked).outcome === 'noted')
      this.#options.checker.violations.push(`${this.#ref} may checkpoint beyond what it was given`);
  }
}
