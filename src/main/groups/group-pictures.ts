import { abortError } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import type { GroupPicture } from '../../view/group-picture.ts';
import { GroupLooker, type Wanted } from './group-looker.ts';
import { findGroups, NOT_ASKED, type FindBy, type SourceOptions } from './group-sources.ts';

interface PicturesBy extends Omit<FindBy, 'signal'> {
  stop: AbortSignal;
  wanted: Wanted;
  /** Something can be said though nobody has told anything. */
  mayBeBlind?: boolean;
}

export interface Pictures {
  pictures: GroupPicture[];
  /** What kubectl says when there are none. */
  nothing: string;
}

/**
 * Gives `use` a way to look at the groups that names and flags mean, as often as it likes; groups come and go between looks.
 * @throws KcgError as `findGroups`; the reason when it was told to stop meanwhile; what a look found out when it found out nothing at all about a group
 */
export async function groupPictures<T>(
  names: readonly string[],
  options: SourceOptions,
  by: PicturesBy,
  use: (look: (signal: AbortSignal) => Promise<Pictures>) => Promise<T>,
): Promise<T> {
  const lookers = new Map<string, GroupLooker>();
  const look = async (signal: AbortSignal): Promise<Pictures> => {
    const found = await findGroups(names, options, { ...by, signal });
    try {
      const pictures = await Promise.all(
        found.groups.map(async (source) => {
          const looker = lookers.get(source.title) ?? new GroupLooker();
          lookers.set(source.title, looker);
          return looker.look(source, { cluster: found.cluster, wanted: by.wanted, signal });
        }),
      );
      if (!by.mayBeBlind && pictures.every(isBlind)) for (const picture of pictures) refuse(picture);
      const where = options.allNamespaces ? '' : ` in ${found.namespace} namespace.`;
      return { pictures, nothing: `No resources found${where}` };
    } finally {
      await found.close();
    }
  };
  try {
    return await use(look);
  } catch (thrown) {
    if (by.stop.aborted) throw abortError(by.stop);
    throw thrown;
  } finally {
    for (const looker of lookers.values()) looker.close();
  }
}

/** Neither Kubernetes nor the table answered: there is nothing to tell but that. */
function isBlind({ object, rows }: GroupPicture): boolean {
  return object === undefined && rows === undefined;
}

function refuse({ unknown, title }: GroupPicture): never {
  const reasons = unknown
    .filter(({ why }) => !why.startsWith(NOT_ASKED))
    .map(({ what, why }) => `${what}: ${why.replace(/\.$/, '')}`)
    .join('; ');
  throw new KcgError('Unavailable', `nothing is known of ${title}: ${reasons}`);
}
