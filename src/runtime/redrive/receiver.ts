import { KcgError } from '../../lib/errors.ts';
import { DeliveredPositions } from '../delivery/delivered-positions.ts';
import { callInTime, type TimeLimit } from '../delivery/timed-call.ts';
import type { Batch, Handler, HandlerContext, HandlerResult, ShardProgram } from '../handlers/handler.ts';

type About = Omit<HandlerContext, 'signal' | 'deadlineMs'>;

/** Who takes the records of one stored batch. */
export interface Receiver {
  handle(batch: Batch): Promise<HandlerResult>;
  /** To be called once, whatever came of the records. Undefined: they are done, if `handle` said so of all of them. */
  close(areDone: boolean): Promise<KcgError | undefined>;
}

/** @throws KcgError when the program of a handler that checkpoints itself cannot begin */
export async function openReceiver(
  handler: Pick<Handler, 'handle' | 'open'>,
  about: About,
  { signal, ...limit }: TimeLimit & { signal: AbortSignal },
): Promise<Receiver> {
  const call = (work: (within: { signal: AbortSignal; deadlineMs: number }) => Promise<HandlerResult>) =>
    callInTime(work, signal, limit);
  if (!handler.open) {
    return {
      handle: (batch) => call((within) => handler.handle(batch, { ...about, ...within })),
      close: async () => undefined,
    };
  }
  const positions = new DeliveredPositions({ at: 'TRIM_HORIZON' });
  const program = handler.open({
    ...about,
    from: { at: 'TRIM_HORIZON' },
    checkpoint: (asked) => {
      const verdict = positions.checkpoint(asked);
      if (verdict.as !== 'refused') return { outcome: 'noted' };
      return { outcome: 'refused', reason: 'OutOfRange', message: verdict.message };
    },
  });
  const begun = await call(({ signal }) => program.start(signal));
  if (begun.outcome === 'failed') {
    await program.close('Failed');
    throw begun.error;
  }
  return {
    handle(batch) {
      positions.delivered(batch.records);
      return call((within) => program.handle(batch, { ...about, ...within }));
    },
    close: (areDone) => closeProgram(program, areDone, { call, positions }),
  };
}

/** As when a shard goes to somebody else: it may still finish and checkpoint what it holds, and what it does not is not done. */
async function closeProgram(
  program: ShardProgram,
  areDone: boolean,
  {
    call,
    positions,
  }: {
    call: (work: (within: { signal: AbortSignal }) => Promise<HandlerResult>) => Promise<HandlerResult>;
    positions: DeliveredPositions;
  },
): Promise<KcgError | undefined> {
  const last = areDone ? await call(({ signal }) => program.shutdownRequested(signal)) : undefined;
  await program.close(last?.outcome === 'done' ? 'ShutdownRequested' : 'Failed');
  if (last?.outcome === 'failed') return last.error;
  if (!areDone || positions.isAllDone) return undefined;
  return new KcgError('HandlerFailed', 'it has not checkpointed all of the records', {
    fix: 'Checkpoint them when they are processed, at the latest when the shard is to be handed over (ShutdownRequested).',
  });
}
