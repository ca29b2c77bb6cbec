import { describe, expect, it } from 'vitest';
import { KcgError } from '../../../src/lib/errors.ts';
import { Restarts } from '../../../src/runtime/delivery/restarts.ts';
import type {
  CheckpointAnswer,
  HandlerResult,
  ProgramContext,
  ShardProgram,
} from '../../../src/runtime/handlers/handler.ts';
import { aReadShard, numbersOf, type ReadShardOptions } from './a-read-shard.ts';

const DONE: HandlerResult = { outcome: 'done' };
const BROKEN: HandlerResult = {
  outcome: 'failed',
  error: new KcgError('HandlerFailed', 'died'),
  isBroken: true,
};

const FAILED: HandlerResult = { outcome: 'failed', error: new KcgError('HandlerFailed', 'no') };

/** A shard whose program does as `changes` say, and what it is told. */
function aProgram(
  changes: (context: ProgramContext) => Partial<ShardProgram>,
  options: Partial<ReadShardOptions> & { reads: string[][] },
) {
  const told: string[] = [];
  let context: ProgramContext | undefined;
  const shard = aReadShard({
    readEveryMs: 100,
    ...options,
    handle: async () => DONE,
    open: (opened) => {
      context = opened;
      const program: ShardProgram = {
        broken: new Promise(() => {}),
        start: async () => DONE,
        handle: async () => DONE,
        shardEnded: async () => DONE,
        shutdownRequested: async () => DONE,
        close: async () => {},
        ...changes(opened),
      };
      return {
        broken: program.broken,
        start: (signal) => (told.push('start'), program.start(signal)),
        handle: (batch, about) => (told.push(numbersOf(batch).join(' ')), program.handle(batch, about)),
        shardEnded: (signal) => (told.push('shardEnded'), program.shardEnded(signal)),
        shutdownRequested: (signal) => (told.push('shutdownRequested'), program.shutdownRequested(signal)),
        close: (reason) => (told.push(`close ${reason}`), program.close(reason)),
      };
    },
  });
  return {
    ...shard,
    told,
    checkpoint: (): CheckpointAnswer => context!.checkpoint('all delivered'),
    position: shard.checkpoint,
  };
}

describe('the life of a shard with a handler that checkpoints itself', () => {
  it('commits nothing that the program has not checkpointed', async () => {
    const { clock, position, checkpoint, told, end } = aProgram(() => ({}), { reads: [['a', 'a'], ['a']] });
    await clock.advance(1_000);
    expect(told).toEqual(['start', '1 2', '3']);
    expect(position()).toBe(0);
    checkpoint();
    expect(position()).toBe(3);
    await end();
  });

  it('frees the memory of what was delivered, though it is not checkpointed', async () => {
    const reads = Array.from({ length: 50 }, () => Array.from({ length: 1_000 }, () => 'a'));
    const { clock, told, position, end } = aProgram(() => ({}), { reads, batchSize: 1_000 });
    await clock.advance(10_000);
    expect(told).toHaveLength(51);
    expect(position()).toBe(0);
    await end();
  });

  it('ends the shard only when the program has checkpointed its end', async () => {
    const ended = aProgram(
      ({ checkpoint }) => ({ shardEnded: async () => (checkpoint('all delivered'), DONE) }),
      {
        reads: [['a', 'a']],
        isClosed: true,
      },
    );
    await ended.clock.advance(1_000);
    expect(await ended.running).toEqual({ as: 'ended', childShards: [] });
    expect(ended.told).toEqual(['start', '1 2', 'shardEnded', 'close ShardEnded']);
  });

  it('begins the shard anew at its checkpoint when the program keeps the end to itself', async () => {
    const { clock, running, told, position, events } = aProgram(
      ({ checkpoint }) => ({ shardEnded: async () => (checkpoint({ sequence: '1' }), DONE) }),
      { reads: [['a', 'a']], isClosed: true },
    );
    await clock.advance(1_000);
    expect(await running).toEqual({ as: 'broken' });
    expect(told).toEqual(['start', '1 2', 'shardEnded', 'close Failed']);
    expect(position()).toBe(1);
    expect(events.find(({ type }) => type === 'HandlerFailed')).toMatchObject({
      attempt: 1,
      error: { message: expect.stringContaining('did not checkpoint at the end of the shard') },
    });
  });

  it('asks the program to shut down before the shard is given, and takes its checkpoint', async () => {
    const { clock, consumer, told, position, checkpointer } = aProgram(
      ({ checkpoint }) => ({ shutdownRequested: async () => (checkpoint('all delivered'), DONE) }),
      { reads: [['a', 'a']] },
    );
    await clock.advance(1_000);
    const drained = consumer.drain(10_000);
    await clock.advance(100);
    expect(await drained).toEqual({ as: 'drained' });
    expect(told).toEqual(['start', '1 2', 'shutdownRequested', 'close ShutdownRequested']);
    expect(position()).toBe(2);
    expect(checkpointer.takeUnwritten()?.checkpoint).toEqual({ at: 'SEQUENCE', sequence: '2' });
  });

  it.each<[what: string, result: HandlerResult, expected: number, policy?: ReadShardOptions['policy']]>([
    ['a batch that is done', DONE, 4],
    ['a batch that has failed and would come again', FAILED, 2],
    ['a batch that has failed and was given up', FAILED, 4, { maxAttempts: 0 }],
    ['a part of one that is done', { outcome: 'partial', firstFailure: 1 }, 3],
  ])('takes for all that was delivered also %s', async (_, result, expected, policy) => {
    const { clock, consumer, position, checkpoint } = aProgram(
      () => ({ handle: async ({ records }) => (records[0]!.sequence === '1' ? DONE : result) }),
      {
        reads: [
          ['a', 'a'],
          ['a', 'a'],
        ],
        ...(policy ? { policy } : {}),
      },
    );
    await clock.advance(150);
    checkpoint();
    expect(position()).toBe(expected);
    const drained = consumer.drain(10_000);
    await clock.advance(100);
    expect(await drained).toEqual({ as: 'drained' });
  });

  it('does not wait longer than a hand-over may take', async () => {
    const { clock, consumer, told } = aProgram(
      () => ({
        shutdownRequested: (signal) =>
          new Promise((resolve) => signal.addEventListener('abort', () => resolve(BROKEN))),
      }),
      { reads: [['a', 'a']] },
    );
    await clock.advance(1_000);
    const drained = consumer.drain(10_000);
    await clock.advance(9_000);
    expect(told.at(-1)).toBe('shutdownRequested');
    await clock.advance(2_000);
    expect(await drained).toEqual({ as: 'drained' });
    expect(told.at(-1)).toBe('close Failed');
  });

  it('takes no checkpoint when the shard is lost, and tells the program', async () => {
    const { clock, consumer, running, told, position, checkpoint } = aProgram(() => ({}), { reads: [['a']] });
    await clock.advance(1_000);
    consumer.lose('it is somebody else’s');
    expect(checkpoint()).toMatchObject({ outcome: 'refused', reason: 'NotHeld' });
    await clock.advance(100);
    expect(await running).toMatchObject({ as: 'lost' });
    expect(told.at(-1)).toBe('close LeaseLost');
    expect(position()).toBe(0);
  });

  it('is over when the program breaks on a batch, with the position where it was', async () => {
    const restarts = new Restarts();
    const { clock, running, told, position, events } = aProgram(
      ({ checkpoint }) => ({
        handle: async ({ records }) => {
          if (records[0]!.sequence === '3') return BROKEN;
          checkpoint({ sequence: '1' });
          return DONE;
        },
      }),
      {
        reads: [
          ['a', 'a'],
          ['a', 'a'],
        ],
        restarts,
      },
    );
    await clock.advance(1_000);
    expect(await running).toEqual({ as: 'broken' });
    expect(told).toEqual(['start', '1 2', '3 4', 'close Failed']);
    expect(position()).toBe(1);
    expect(restarts.failures).toBe(1);
    expect(events.filter(({ type }) => type === 'HandlerFailed')).toHaveLength(1);
  });

  it('is over when the program breaks with nothing to do', async () => {
    const death = Promise.withResolvers<KcgError>();
    const { clock, running, told } = aProgram(() => ({ broken: death.promise }), { reads: [['a']] });
    await clock.advance(1_000);
    death.resolve(new KcgError('HandlerFailed', 'it ended with exit code 1'));
    await clock.advance(100);
    expect(await running).toEqual({ as: 'broken' });
    expect(told).toEqual(['start', '1', 'close Failed']);
  });

  it('waits before the next program begins, and not when the shard is to go', async () => {
    const restarts = new Restarts();
    restarts.failed(undefined, 0, () => 1);
    const { clock, consumer, told } = aProgram(() => ({}), { reads: [['a']], restarts });
    await clock.advance(100);
    expect(told).toEqual([]);
    const drained = consumer.drain(10_000);
    await clock.advance(1);
    expect(await drained).toEqual({ as: 'drained' });
    expect(told).toEqual([]);
  });

  it('is over when a batch takes too long', async () => {
    const { clock, running, events } = aProgram(
      () => ({
        handle: (_, { signal }) =>
          new Promise((resolve) => signal.addEventListener('abort', () => resolve(BROKEN))),
      }),
      { reads: [['a']], timeoutMs: 5_000 },
    );
    await clock.advance(6_000);
    expect(await running).toEqual({ as: 'broken' });
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'HandlerFailed', error: expect.objectContaining({ code: 'Timeout' }) }),
    );
  });

  it('shows in the row that what would come again is not done, and as lag only what is not delivered', async () => {
    const { clock, consumer, checkpoint, end } = aProgram(() => ({}), { reads: [['a']] });
    await clock.advance(60_000);
    expect(consumer.behindMs()).toBe(0);
    expect(consumer.standing()?.behindMs).toBe(60_000);
    checkpoint();
    expect(consumer.standing()?.behindMs).toBe(0);
    await end();
  });
});
