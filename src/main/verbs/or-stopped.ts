import { KcgError } from '../../lib/errors.ts';

/**
 * Waits, and when somebody stops that, tells on standard error what becomes of it: a command that was stopped ends without a word.
 * @throws KcgError `Aborted` then; else as `wait`
 */
export async function orStopped<T>(signal: AbortSignal, words: string, wait: () => Promise<T>): Promise<T> {
  try {
    return await wait();
  } catch (thrown) {
    if (!signal.aborted || KcgError.from(thrown).code !== 'Aborted') throw thrown;
    process.stderr.write(`${words}\n`);
    throw new KcgError('Aborted', words, { cause: thrown });
  }
}
