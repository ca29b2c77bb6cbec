/** The domain of the API group, of labels, annotations, finalizers and tags. */
export const DOMAIN = 'kcg.dev';

export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';
const NAME_LABEL = 'app.kubernetes.io/name';
export const COMPONENT_LABEL = 'app.kubernetes.io/component';
const INSTANCE_LABEL = 'app.kubernetes.io/instance';
export const MANAGED_BY = 'kcg';

/** Longest name of a group: it is the value of a label. */
export const NAME_MAX = 63;

/** On everything a group owns: the name of its KinesisConsumerGroup. At most 63 characters, as the group's name is. */
export const GROUP_LABEL = `${DOMAIN}/group`;

/** On the Deployment and its pods: order of the pod template, as the workers' rows carry it. */
export const REVISION_ANNOTATION = `${DOMAIN}/revision`;
/** On pods, by `kubectl rollout restart`: the time of it. It tells them from the pods before, which are of the same revision. */
export const RESTARTED_AT_ANNOTATION = 'kubectl.kubernetes.io/restartedAt';
/** On each pod: the container whose end is the worker's end. The spec may name another by the time a pod is looked at. */
export const WORKER_CONTAINER_ANNOTATION = `${DOMAIN}/worker-container`;
/** Names the claim that may be taken over, as the condition GroupClaimed gives it; so it is followed once. */
export const TAKE_OVER_ANNOTATION = `${DOMAIN}/take-over`;
/** What the group has to know of its table when the table is gone; written by the operator, read by `readTableRecord`. */
export const TABLE_ANNOTATION = `${DOMAIN}/table`;
/** Which stream consumers the operator has registered for the group; read by `readMadeConsumers`. */
export const CONSUMERS_ANNOTATION = `${DOMAIN}/stream-consumers`;
/** On a group: `namespace/name` of the Lease of the operator that looks after it. */
export const OPERATOR_ANNOTATION = `${DOMAIN}/operator`;
/** On an operator's Lease: the namespaces it looks after, separated by commas; absent = all. */
export const NAMESPACES_ANNOTATION = `${DOMAIN}/namespaces`;
/** `true`: the operator leaves the group alone. */
export const RECONCILE_PAUSED_ANNOTATION = `${DOMAIN}/reconcile-paused`;
/** On a group, with any value: each new one replaces the workers, one handover after another. Their pods carry it too. */
export const RESTART_ANNOTATION = `${DOMAIN}/restart`;
/** On a group, with any value: each new one has everything looked at and tried now, whatever is known or was refused. */
export const RECONCILE_ANNOTATION = `${DOMAIN}/reconcile`;
/** On a group that `kcg pause` or `kcg stop` found in another state than Running: the desiredState that `kcg resume` goes back to. */
export const RESUME_ANNOTATION = `${DOMAIN}/resume`;
/** Of a KinesisOffsetReset that is over: its uid. A copy of it, as of a backup, carries another's. */
export const OVER_ANNOTATION = `${DOMAIN}/over`;

/*
 * On a Namespace, for the groups in it; written by whoever runs the cluster, as users of a namespace have no right to change it.
 */
/** ARNs of the roles that `spec.aws.roleArn` may name, separated by commas; a `*` at the end of one stands for any rest. */
export const AWS_ROLES_ANNOTATION = `${DOMAIN}/aws-roles`;
/** External id that such a role is assumed with, in place of `kcg/<cluster id>/<namespace>`. */
export const AWS_EXTERNAL_ID_ANNOTATION = `${DOMAIN}/aws-external-id`;
/** How many tables the operator makes for the groups that are there, and how many workers they have together. */
export const MAX_TABLES_ANNOTATION = `${DOMAIN}/max-tables`;
export const MAX_REPLICAS_ANNOTATION = `${DOMAIN}/max-replicas`;

/** Kubernetes' own: among the pods of a ReplicaSet that shrinks, those of least cost go first. */
export const DELETION_COST_ANNOTATION = 'controller.kubernetes.io/pod-deletion-cost';

/** What selects the operator's Deployment and pods. */
export const OPERATOR_SELECTOR = `${NAME_LABEL}=kcg,${COMPONENT_LABEL}=operator`;

/** On a group only while its deletion has something to undo. */
export const FINALIZER = `${DOMAIN}/cleanup`;

/** Labels of everything the operator creates for `group`. */
export function ownedLabels(group: string): Record<string, string> {
  return {
    [MANAGED_BY_LABEL]: MANAGED_BY,
    [NAME_LABEL]: 'kinesis-consumer',
    [INSTANCE_LABEL]: group,
    [GROUP_LABEL]: group,
  };
}

/** What selects the worker pods of `group`; it never changes, as a Deployment's selector cannot. */
export function workerSelector(group: string): Record<string, string> {
  return { [MANAGED_BY_LABEL]: MANAGED_BY, [GROUP_LABEL]: group, [COMPONENT_LABEL]: 'worker' };
}
