import { RESUME_ANNOTATION } from '../../api/labels.ts';
import { KINDS } from '../../kubernetes/cluster.ts';
import { describeError } from '../../lib/errors.ts';
import type { Pass } from '../reconcile-context.ts';
import { paced } from './pace.ts';

/**
 * What a pause has found is over once the group runs: a shadow that was paused, and set to Running by hand, is one no more, and
 * is not to become one when it is paused by hand and resumed later. The group goes on where that cannot be written.
 */
export async function forgetResume(pass: Pass): Promise<void> {
  const { options, object, group, signal } = pass;
  if (group.spec.desiredState !== 'Running' || object.metadata.annotations?.[RESUME_ANNOTATION] === undefined)
    return;
  const patch = { annotations: { [RESUME_ANNOTATION]: null } };
  try {
    const result = await paced(pass, { thing: RESUME_ANNOTATION }, () =>
      options.cluster.patchMetadata(KINDS.consumerGroup, object, patch, { signal }),
    );
    // Else it has changed meanwhile: that look does it.
    if (result.outcome === 'patched') pass.object = result.object;
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    options.log.warn('what the last pause found stays', { error: describeError(thrown) });
  }
}
