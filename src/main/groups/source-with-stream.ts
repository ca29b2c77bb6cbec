import { KcgError } from '../../lib/errors.ts';
import { findGroups, type FindBy, type GroupSource, type SourceOptions } from './group-sources.ts';

/**
 * For commands about a stream: that of one group, or one that is named and that no group reads, which has no table then.
 * @throws KcgError `InvalidInput` when it is not one, and as `findGroups` does
 */
export async function sourceWithStream(
  names: readonly string[],
  options: SourceOptions,
  by: Omit<FindBy, 'all' | 'orElse'>,
): Promise<GroupSource> {
  const { file, group, table, stream } = options;
  const isAlone = names.length === 0 && file === undefined && group === undefined && stream !== undefined;
  const place = isAlone ? { ...options, table: table ?? 'none' } : options;
  const found = await findGroups(names, place, { ...by, all: false, orElse: '--stream' });
  await found.close();
  const [source] = found.groups;
  if (!source || found.groups.length > 1) {
    const fix = 'Choose one with --group.';
    throw new KcgError('InvalidInput', `${by.verb} takes the stream of one group`, { fix });
  }
  if (source.place.stream) return source;
  const fix = 'Name it with --stream.';
  throw new KcgError('InvalidInput', `${by.verb} needs to know the stream of ${source.title}`, { fix });
}
