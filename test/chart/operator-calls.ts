/** A call to the API server, as RBAC sees it. */
export interface KubeCall {
  group: string;
  /** Plural, with the subresource if any. */
  resource: string;
  verb: string;
  /** The only object it is about. */
  name?: string;
  /** Made in the operator's own namespace only, or of no namespace; else wherever groups are. */
  where?: 'own' | 'cluster';
}

const group = (group: string, resource: string, verbs: string, more: Partial<KubeCall> = {}): KubeCall[] =>
  verbs.split(' ').map((verb) => ({ group, resource, verb, ...more }));

/** Every call the operator makes. chart.cluster.test.ts runs it with rights to these and compares with what it did. */
export const OPERATOR_CALLS: readonly KubeCall[] = [
  ...group('kcg.dev', 'kinesisconsumergroups', 'list watch patch'),
  ...group('kcg.dev', 'kinesisconsumergroups/status', 'patch'),
  ...group('kcg.dev', 'kinesisoffsetresets', 'list watch patch delete'),
  ...group('kcg.dev', 'kinesisoffsetresets/status', 'patch'),
  ...group('apps', 'deployments', 'get list watch create patch delete'),
  ...group('policy', 'poddisruptionbudgets', 'get list watch create patch delete'),
  ...group('', 'pods', 'list watch patch'),
  ...group('', 'pods', 'get patch', { where: 'own' }),
  ...group('events.k8s.io', 'events', 'create patch'),
  ...group('', 'namespaces', 'get'),
  ...group('', 'namespaces', 'get', { name: 'kube-system', where: 'cluster' }),
  ...group('coordination.k8s.io', 'leases', 'get', { where: 'cluster' }),
  ...group('coordination.k8s.io', 'leases', 'create', { where: 'own' }),
  ...group('coordination.k8s.io', 'leases', 'get update', { name: 'kcg-operator', where: 'own' }),
];

/** And one more for who has the dashboard open. */
export const DASHBOARD_CALLS: readonly KubeCall[] = group('events.k8s.io', 'events', 'list');

/**
 * What OwnerReferencesPermissionEnforcement, an admission plugin that OpenShift turns on, asks of whom sets
 * `blockOwnerDeletion`. It is never called.
 */
export const OWNER_RIGHT: KubeCall = {
  group: 'kcg.dev',
  resource: 'kinesisconsumergroups/finalizers',
  verb: 'update',
};
