import type { KinesisConsumerGroup } from '../../api/group.ts';
import type { LocalMode } from '../../dev/local-mode.ts';

/** A group of `kcg dev`, as it was applied last. */
export interface RunningGroup {
  group: KinesisConsumerGroup;
  /** How often the code of its module has changed. */
  changes: number;
}

/** Changed code makes another pod template of it, of the same pods: the workers are rolled out anew. */
export async function applyRunning(
  { group, changes }: RunningGroup,
  local: Pick<LocalMode, 'apply'>,
): Promise<void> {
  if (changes === 0) return local.apply(group);
  const { template } = group.spec;
  const { metadata } = template as { metadata?: { annotations?: Record<string, string> } };
  const annotations = { ...metadata?.annotations, 'module-changes': String(changes) };
  const marked = { ...template, metadata: { ...metadata, annotations } };
  return local.apply({ ...group, spec: { ...group.spec, template: marked } });
}
