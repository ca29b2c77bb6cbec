import type { GroupMetadata } from '../../../api/group.ts';
import type { GroupStatus } from '../../../api/group-status.ts';
import { RECONCILE_ANNOTATION, RESTART_ANNOTATION } from '../../../api/labels.ts';
import { isRolledOut } from './workers-available.ts';
import type { GroupFacts } from '../group-facts.ts';

/*
 * What people ask for with an annotation, once per value: no field of the spec, which would have it done again wherever the
 * manifest is applied anew.
 */

/** As much of a value as the status has room for; what comes after it does not count. */
const VALUE_MAX = 256;

type Annotated = Pick<GroupMetadata, 'annotations'>;

/** A value that asks for new pods; undefined = none does. */
export function askedRestart(group: Annotated): string | undefined {
  return valueOf(group, RESTART_ANNOTATION);
}

/** A value that asks for a look at everything; undefined = none does. */
export function askedReconcile(group: Annotated): string | undefined {
  return valueOf(group, RECONCILE_ANNOTATION);
}

function valueOf({ annotations }: Annotated, name: string): string | undefined {
  return annotations[name]?.slice(0, VALUE_MAX) || undefined;
}

/** Of a pass that has done what it could. A restart that is done stays done, whatever replaces the workers later. */
export function handledWishes(
  { group, workload, scaling }: GroupFacts,
  previous: GroupStatus | undefined,
): Pick<GroupStatus, 'handled'> {
  const restart = askedRestart(group.metadata);
  const reconcile = askedReconcile(group.metadata);
  const { deployment, problem } = workload;
  const isRestarted =
    previous?.handled?.restart === restart ||
    (problem === undefined &&
      (deployment ? deployment.restart === restart && isRolledOut(deployment) : scaling?.replicas === 0));
  const handled = {
    ...(restart !== undefined && isRestarted ? { restart } : {}),
    ...(reconcile === undefined ? {} : { reconcile }),
  };
  return Object.keys(handled).length > 0 ? { handled } : {};
}
