import type { Check } from '../../cli/checks.ts';
import { count } from '../../lib/count.ts';
import { describeError } from '../../lib/errors.ts';
import { isTrouble, problemsOf } from '../../view/group-problems.ts';
import type { DoctorOptions } from '../../cli/doctor.ts';
import { groupPictures } from '../groups/group-pictures.ts';

/** What `kcg status` would say of all groups, in a line each that is in trouble. @throws KcgError only when told to stop */
export async function diagnoseGroups(
  options: DoctorOptions,
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<Check[]> {
  const what = 'groups';
  const all = { ...options, file: undefined, table: undefined, group: undefined, stream: undefined };
  const by = { env, stop, verb: 'doctor', all: true, wanted: { aws: false } };
  try {
    return await groupPictures([], all, by, async (look): Promise<Check[]> => {
      const { pictures } = await look(stop);
      const troubled = pictures.flatMap((picture) => {
        const [worst, ...more] = problemsOf(picture).filter(isTrouble);
        return worst ? [{ picture, worst, more: more.length }] : [];
      });
      if (troubled.length === 0)
        return [
          {
            result: 'ok',
            what,
            found: pictures.length === 0 ? 'none there' : `${count(pictures.length, 'group')}, nothing wrong`,
          },
        ];
      return troubled.map(({ picture, worst, more }) => ({
        result: worst.severity === 'error' ? 'failed' : 'warning',
        what,
        found: `${picture.title}: ${worst.reason}: ${worst.what}${more > 0 ? ` (and ${more} more)` : ''}`,
        next: picture.key && `kcg status ${picture.key.name} -n ${picture.key.namespace}`,
      }));
    });
  } catch (thrown) {
    if (stop.aborted) throw thrown;
    return [{ result: 'unknown', what, found: describeError(thrown) }];
  }
}
