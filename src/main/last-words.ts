import { writeFileSync } from 'node:fs';
import { styleText } from 'node:util';
import { describeError } from '../lib/errors.ts';

/**
 * Says on standard error why this process ends, and in the file that the kubelet reads when a container has ended and shows
 * in the status of its pod (`KCG_LAST_WORDS`, which the pod template sets).
 */
export function sayLastWords(thrown: unknown, env: NodeJS.ProcessEnv): void {
  const words = describeError(thrown);
  process.stderr.write(`${styleText('red', 'error:', { stream: process.stderr })} ${words}\n`);
  const path = env['KCG_LAST_WORDS'];
  if (!path) return;
  try {
    // Where there is a kubelet, it has made the file.
    writeFileSync(path, `${words}\n`, { flag: 'r+' });
  } catch {
    // The kubelet reads the end of the log then.
  }
}
