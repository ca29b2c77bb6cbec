import { groupIdOf, streamNameOf, tableNameOf, type KinesisConsumerGroup } from '../../api/group.ts';
import { readGroups } from '../../dev/group-file.ts';
import type { LocalMode } from '../../dev/local-mode.ts';
import { watchFiles } from '../../dev/watch-files.ts';
import { systemClock } from '../../lib/clock.ts';
import { describeError, KcgError } from '../../lib/errors.ts';
import { applyRunning, type RunningGroup } from './running-group.ts';

export interface FollowOptions {
  file: string;
  /** How it was before it was read: starting takes seconds, in which it may be edited. */
  since?: ReadonlyMap<string, string> | undefined;
  running: readonly RunningGroup[];
  local: Pick<LocalMode, 'apply'>;
  /** @throws KcgError for a group that cannot run here */
  require: (group: KinesisConsumerGroup) => void;
  say: (line: string) => void;
}

/**
 * Applies what the group file says now, as `kubectl apply` would, whenever it changes. What is wrong, or cannot change while the
 * group runs, is told, and nothing of it applied.
 */
export async function followFile(
  { file, since, running, local, require, say }: FollowOptions,
  stop: AbortSignal,
): Promise<void> {
  if (file === '-') return;
  const onChange = async () => {
    try {
      const groups = await readGroups(file);
      for (const group of groups) require(group);
      const changed = changesOf(file, running, groups);
      for (const { was, group } of changed) {
        if (stop.aborted) break;
        was.group = group;
        say(`${file} has changed: ${group.metadata.name} becomes as it says now`);
        await applyRunning(was, local);
      }
    } catch (thrown) {
      say(`${describeError(thrown).replace(/(?<![.?!])$/, '.')} What runs goes on as it was.`);
    }
    return [file];
  };
  await watchFiles({ files: [file], since, onChange, clock: systemClock, signal: stop });
}

/** @throws KcgError `InvalidInput` for what only a new start can follow */
function changesOf(
  file: string,
  running: readonly RunningGroup[],
  groups: readonly KinesisConsumerGroup[],
): { was: RunningGroup; group: KinesisConsumerGroup }[] {
  const anew = (what: string) =>
    new KcgError('InvalidInput', `${file}: ${what}, which cannot change while it runs`, {
      fix: 'Start kcg dev again.',
    });
  const pairs = groups.map((group) => ({ group, was: running.find((each) => isSame(each.group, group)) }));
  if (groups.length !== running.length) throw anew('it holds other groups than before');
  return pairs.flatMap(({ group, was }) => {
    if (was === undefined) throw anew(`group ${group.metadata.name} is another one`);
    const before = fixedOf(was.group);
    const field = Object.entries(fixedOf(group)).find(([name, value]) => before[name] !== value)?.[0];
    if (field !== undefined) throw anew(`${group.metadata.name} has another ${field}`);
    return JSON.stringify(group) === JSON.stringify(was.group) ? [] : [{ was, group }];
  });
}

function isSame({ metadata: a }: KinesisConsumerGroup, { metadata: b }: KinesisConsumerGroup): boolean {
  return a.name === b.name && a.namespace === b.namespace;
}

/** What an API server refuses to change, and the module, whose files are watched. */
function fixedOf(group: KinesisConsumerGroup): Record<string, string | undefined> {
  const { region, range, handler } = group.spec;
  return {
    groupId: groupIdOf(group),
    stream: streamNameOf(group),
    table: tableNameOf(group),
    region,
    range: range && `${range.from} ${range.to}`,
    'handler.module': handler.module?.path,
  };
}
