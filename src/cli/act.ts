import { isReading, type DesiredState } from '../api/group.ts';
import { RESUME_ANNOTATION } from '../api/labels.ts';
import { count } from '../lib/count.ts';
import { KcgError } from '../lib/errors.ts';
import type { OptionTable } from '../lib/options.ts';
import type { StoredObject } from '../kubernetes/cluster.ts';
import { otherClusterOptions, selectOptions } from './group-options.ts';

/** Of each command that changes a group. */
export const actOptions = {
  ...selectOptions,
  all: { type: 'boolean', description: 'every group of the namespace' },
  wait: { type: 'boolean', description: 'until it is done' },
  timeout: {
    type: 'number',
    isSeconds: true,
    description: 'how long to wait, seconds or such as 5m',
    default: 300,
    min: 1,
    max: 86_400,
  },
  'dry-run': {
    type: 'string',
    description: 'client: only say what would be done; server: let the API server check it',
    choices: ['none', 'client', 'server'],
    default: 'none',
  },
  ...otherClusterOptions,
} as const satisfies OptionTable;

/** Groups are changed that were named, by name, label or `--all`. @throws KcgError `InvalidInput` */
export function requireChosen(
  verb: string,
  names: readonly string[],
  { selector, all }: { selector: string | undefined; all: boolean },
): void {
  const ways = [names.length > 0, selector !== undefined, all].filter(Boolean).length;
  if (ways === 1) return;
  const what =
    ways === 0 ? `${verb} needs to know which group` : `${verb} takes names, -l or --all, one of them`;
  throw new KcgError('InvalidInput', what, {
    fix: `Run kcg ${verb} NAME -n NAMESPACE, or choose with -l, or --all.`,
  });
}

/** What the verbs set, and what kubectl would say they did. */
export const STATE_VERBS = {
  pause: { state: 'Paused', done: 'paused' },
  resume: { state: 'Running', done: 'resumed' },
  stop: { state: 'Stopped', done: 'stopped' },
} as const satisfies Record<string, { state: DesiredState; done: string }>;

export interface StateChange {
  state: DesiredState;
  /** In a word or two, as kubectl would. */
  done: string;
  /** A merge patch; undefined = it is so already. */
  patch: object | undefined;
}

/** What a verb makes of a group. A shadow is a shadow again once it is resumed: nobody has asked for its handler. */
export function stateChange(
  verb: keyof typeof STATE_VERBS,
  { metadata, spec }: Pick<StoredObject, 'metadata' | 'spec'>,
): StateChange {
  const now = (spec as { desiredState?: DesiredState } | undefined)?.desiredState ?? 'Running';
  const before = metadata.annotations?.[RESUME_ANNOTATION];
  const isShadow = now === 'Shadow' || (!isReading({ spec: { desiredState: now } }) && before === 'Shadow');
  const state = verb === 'resume' ? (isShadow ? 'Shadow' : 'Running') : STATE_VERBS[verb].state;
  if (now === state) return { state, done: `is ${state} already`, patch: undefined };
  const { done } = STATE_VERBS[verb];
  const resume = isShadow && verb !== 'resume' ? 'Shadow' : null;
  const annotations = resume === (before ?? null) ? {} : { [RESUME_ANNOTATION]: resume };
  return {
    state,
    done: state === 'Shadow' ? `${done} as Shadow` : done,
    patch: { metadata: { annotations }, spec: { desiredState: state } },
  };
}

/** The line that tells it, as kubectl tells such things. */
export function doneLine(name: string, done: string, dryRun: string): string {
  const how = dryRun === 'client' ? ' (dry run)' : dryRun === 'server' ? ' (server dry run)' : '';
  return `kinesisconsumergroup.kcg.dev/${name} ${done}${how}`;
}

type Labels = Readonly<Record<string, string>>;

/** Whoever keeps the object as a repository has it would undo the change. Undefined = nobody, as far as labels tell. */
export function keptBy({ metadata }: Pick<StoredObject, 'metadata'>): string | undefined {
  const labels: Labels = metadata.labels ?? {};
  const annotations: Labels = metadata.annotations ?? {};
  const argo =
    annotations['argocd.argoproj.io/tracking-id']?.split(':')[0] ?? labels['argocd.argoproj.io/instance'];
  if (argo !== undefined) return `Argo CD (application ${argo})`;
  const flux = labels['kustomize.toolkit.fluxcd.io/name'] ?? labels['helm.toolkit.fluxcd.io/name'];
  if (flux !== undefined) return `Flux (${flux})`;
  const release = annotations['meta.helm.sh/release-name'];
  return release === undefined ? undefined : `Helm (release ${release}, with its next upgrade)`;
}

interface StatusLike {
  observedGeneration?: number;
  conditions?: readonly { type: string; status: string; reason: string; message: string }[];
}

/** Undefined = the group is as asked; else what it waits for. */
export function waitsFor(object: StoredObject, state: DesiredState): string | undefined {
  const { observedGeneration = 0, conditions = [] } = (object.status ?? {}) as StatusLike;
  if (observedGeneration < (object.metadata.generation ?? 0)) return 'the operator has not looked at it yet';
  const ready = conditions.find(({ type }) => type === 'Ready');
  if (!ready) return 'its status says nothing yet';
  const isDone = isReading({ spec: { desiredState: state } })
    ? ready.status === 'True'
    : ready.reason === state;
  return isDone ? undefined : `${ready.reason}: ${ready.message}`;
}

interface DeploymentLike {
  spec?: { replicas?: number };
  status?: {
    observedGeneration?: number;
    updatedReplicas?: number;
    replicas?: number;
    readyReplicas?: number;
  };
}

/** Undefined = all pods are of the newest template; else what it waits for. As `kubectl rollout status` judges. */
export function rolloutWaitsFor(deployment: StoredObject): string | undefined {
  const { spec, status = {} } = deployment as DeploymentLike;
  const { observedGeneration = 0, updatedReplicas = 0, replicas = 0, readyReplicas = 0 } = status;
  const wanted = spec?.replicas ?? 1;
  if (observedGeneration < (deployment.metadata.generation ?? 0))
    return 'its Deployment has not been looked at yet';
  if (updatedReplicas < wanted) return `${updatedReplicas} of ${wanted} pods are new`;
  if (replicas > updatedReplicas) return `still to go: ${count(replicas - updatedReplicas, 'old pod')}`;
  return readyReplicas < wanted ? `${readyReplicas} of ${wanted} pods are ready` : undefined;
}
