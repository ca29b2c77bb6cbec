import { groupIdOf, rowsGroupIdOf, type KinesisConsumerGroup } from '../../api/group.ts';
import { readGroup } from '../../api/stored-group.ts';
import { encodeWorkerConfig } from '../../api/worker-config.ts';
import type { Check } from '../../cli/checks.ts';
import { FIELD_MANAGER } from '../../operator/apply/apply-object.ts';
import {
  belongsTo,
  desiredObjects,
  isLeftover,
  TEMPLATE_HASH_ANNOTATION,
  workloadName,
} from '../../operator/plan/workload/desired-objects.ts';
import { workloadHandler } from '../../operator/plan/workload/worker-config-of.ts';
import {
  INSTALL_CONTAINER,
  templateProblems,
  WORKER_CONTAINER,
} from '../../operator/plan/workload/worker-template.ts';
import { askedRestart } from '../../operator/plan/status/annotated-wishes.ts';
import { workloadInput } from '../../operator/plan/workload/workload-input.ts';
import { consumerNameOf } from '../../operator/steps/reconcile-consumer.ts';
import { placeOf } from '../../operator/steps/reconcile-place.ts';
import { DENIED, KINDS, keyOf, type KubeObject, type StoredObject } from '../../kubernetes/cluster.ts';
import { describeError, hasCode } from '../../lib/errors.ts';
import type { UserCluster } from '../groups/user-cluster.ts';

/** The group as the API server has it, as it would have it, and the Deployment of its workers. */
export interface PodsLook {
  before: StoredObject | undefined;
  after: StoredObject;
  deployment: StoredObject | undefined;
}

/** The same before and after, so that what differs is the group's doing: what the operator has set is not known here. */
const STAND_IN = { region: 'us-east-1', image: 'kcg', uid: 'uid' };
const WHAT = 'pods';

/** Either what is found, or what the API server is to be asked first. */
export type PodsPlan = { check: Check } | { found: string; wanted: KubeObject; isImageKnown: boolean };

/** What applying the group would do to its pods. */
export function planPods({ before, after, deployment }: PodsLook): PodsPlan | undefined {
  const [was, next] = [before, after].map((object) => object && readGroup(object));
  // The check of the spec says so.
  if (next?.outcome !== 'ok') return undefined;
  const { group } = next;
  const name = workloadName(group.metadata.name);
  const refused = templateProblems({
    handler: workloadHandler(group, STAND_IN.region),
    template: group.spec.template,
  });
  if (refused.length > 0) return { check: { result: 'failed', what: WHAT, found: refused.join('; ') } };
  const owner = { ...after.metadata, kind: group.kind };
  const own = deployment && belongsTo(deployment, owner) ? deployment : undefined;
  if (deployment && !own && !isLeftover(deployment, owner)) {
    const found = `the Deployment ${name} exists and is not of this group`;
    return { check: { result: 'failed', what: WHAT, found, next: 'Delete or rename it.' } };
  }
  const wanted = deploymentFor(group, own);
  const isSame = was?.outcome === 'ok' && hashOf(deploymentFor(was.group, own)) === hashOf(wanted);
  if (own && isSame) return { check: { result: 'ok', what: WHAT, found: 'none would be replaced by this' } };
  const does = own
    ? `all of the Deployment ${name} would be replaced, one handover after another`
    : `the operator makes the Deployment ${name}`;
  const found = group.spec.desiredState === 'Stopped' ? `${does}, once the group is not stopped` : does;
  return { found, wanted, isImageKnown: imageOf(own) !== undefined };
}

/** As `planPods`, and whether the API server takes the Deployment. */
export async function checkPods(
  look: PodsLook,
  { calls, explain }: Pick<UserCluster, 'calls' | 'explain'>,
  signal: AbortSignal,
): Promise<Check[]> {
  const plan = planPods(look);
  if (plan === undefined) return [];
  if ('check' in plan) return [plan.check];
  const { found, wanted, isImageKnown } = plan;
  try {
    await calls.tryApply(KINDS.deployment, keyOf(wanted), wanted, { fieldManager: FIELD_MANAGER, signal });
    return [{ result: 'ok', what: WHAT, found: `${found}; the API server takes it (server dry run)` }];
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    const why = describeError(explain(thrown));
    // A policy may be about the image.
    if (hasCode(thrown, 'InvalidInput') && (isImageKnown || !DENIED.test(why)))
      return [{ result: 'failed', what: WHAT, found: why, next: 'Correct spec.template.' }];
    return [{ result: 'unknown', what: WHAT, found: `${found}; that could not be tried: ${why}` }];
  }
}

function deploymentFor(group: KinesisConsumerGroup, existing: StoredObject | undefined): KubeObject {
  const settings = { defaultRegion: STAND_IN.region, workerImage: imageOf(existing) ?? STAND_IN.image };
  const input = workloadInput({
    group,
    uid: STAND_IN.uid,
    restart: askedRestart(group.metadata),
    target: placeOf({ group, groupId: rowsGroupIdOf(group), options: { settings } })!,
    settings,
    consumerArn: consumerNameOf(group, groupIdOf(group)),
    replicas: 1,
  });
  const config = encodeWorkerConfig(input.config);
  const { deployment } = desiredObjects({ ...input, config, existing, seenRevision: 0 });
  // Not everybody may name an owner, and the API server wants one that is there.
  const { ownerReferences: _, ...metadata } = deployment.metadata;
  return { ...deployment, metadata };
}

function hashOf({ metadata }: KubeObject): string | undefined {
  return metadata.annotations?.[TEMPLATE_HASH_ANNOTATION];
}

/** Of kcg, as the operator has put it into the pods. */
function imageOf(deployment: StoredObject | undefined): string | undefined {
  interface Containers {
    initContainers?: { name: string; image?: string }[];
    containers?: { name: string; image?: string }[];
  }
  const spec = (deployment?.spec as { template?: { spec?: Containers } } | undefined)?.template?.spec;
  const all = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  return all.find(({ name }) => name === INSTALL_CONTAINER || name === WORKER_CONTAINER)?.image;
}
