import type { KinesisConsumerGroup } from '../../api/group.ts';
import type { LocalMode } from '../../dev/local-mode.ts';
import { watchFiles } from '../../dev/watch-files.ts';
import { systemClock } from '../../lib/clock.ts';
import { describeError } from '../../lib/errors.ts';

export interface ReloadOptions {
  group: KinesisConsumerGroup;
  /** Of its module; none where it has no module. */
  files: readonly string[];
  /** Loads the module in a process of its own. @throws KcgError when it cannot be loaded */
  check: (group: KinesisConsumerGroup) => Promise<readonly string[]>;
  local: Pick<LocalMode, 'apply'>;
  say: (line: string) => void;
}

/**
 * Gives a group's workers the new code of its module: as a rollout, so that batches are finished and shards handed over. Code that
 * cannot be loaded stays out, and the workers go on with what they have.
 */
export async function reloadOnChange(
  { group, files, check, local, say }: ReloadOptions,
  stop: AbortSignal,
): Promise<void> {
  if (files.length === 0) return;
  const { name } = group.metadata;
  let last = files;
  let changes = 0;
  const onChange = async () => {
    try {
      last = await check(group);
      if (stop.aborted) return last;
      changes += 1;
      say(`the module of ${name} has changed: its workers take the new code`);
      await local.apply(withMark(group, changes));
    } catch (thrown) {
      say(`${describeError(thrown)} The workers of ${name} go on with the code that they have.`);
    }
    return last;
  };
  await watchFiles({ files, onChange, clock: systemClock, signal: stop });
}

/** Another pod template than before, of the same pods. */
function withMark(group: KinesisConsumerGroup, changes: number): KinesisConsumerGroup {
  const { template } = group.spec;
  const { metadata } = template as { metadata?: { annotations?: Record<string, string> } };
  const annotations = { ...metadata?.annotations, 'module-changes': String(changes) };
  return {
    ...group,
    spec: { ...group.spec, template: { ...template, metadata: { ...metadata, annotations } } },
  };
}
