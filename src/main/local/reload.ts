import type { KinesisConsumerGroup } from '../../api/group.ts';
import type { HandlerCheck } from '../../dev/check-handler.ts';
import type { LocalMode } from '../../dev/local-mode.ts';
import { watchFiles } from '../../dev/watch-files.ts';
import { systemClock } from '../../lib/clock.ts';
import { describeError } from '../../lib/errors.ts';
import { applyRunning, type RunningGroup } from './running-group.ts';

export interface ReloadOptions {
  running: RunningGroup;
  /** Of its module; none where it has no module. */
  files: readonly string[];
  /** How they were when they were loaded; default: as they are now. */
  filesSince?: ReadonlyMap<string, string> | undefined;
  /** Loads the module in a process of its own. */
  check: (group: KinesisConsumerGroup) => Promise<HandlerCheck>;
  local: Pick<LocalMode, 'apply'>;
  say: (line: string) => void;
}

/**
 * Gives a group's workers the new code of its module: as a rollout, so that batches are finished and shards handed over. Code that
 * cannot be loaded stays out, and the workers go on with what they have.
 */
export async function reloadOnChange(
  { running, files, filesSince, check, local, say }: ReloadOptions,
  stop: AbortSignal,
): Promise<void> {
  if (files.length === 0) return;
  const { name } = running.group.metadata;
  let last: readonly string[] = files;
  const onChange = async () => {
    try {
      const { files, problem } = await check(running.group);
      if (stop.aborted) return last;
      // What is wrong may be in a file that is new, and what was loaded before is to be seen as well.
      last = problem ? [...new Set([...last, ...files])] : files;
      if (problem) throw problem;
      running.changes += 1;
      say(`the module of ${name} has changed: its workers take the new code`);
      await applyRunning(running, local);
    } catch (thrown) {
      say(`${describeError(thrown)} The workers of ${name} go on with the code that they have.`);
    }
    return last;
  };
  await watchFiles({ files, since: filesSince, onChange, clock: systemClock, signal: stop });
}
