import type { GroupMetadata, KinesisConsumerGroup } from '../../../api/group.ts';
import { COMPONENT_LABEL, ownedLabels, workerSelector } from '../../../api/labels.ts';
import type { WorkerConfig } from '../../../api/worker-config.ts';
import type { GroupTarget } from '../../group-target.ts';
import type { WorkloadInput } from './desired-objects.ts';
import { workerConfigOf, workloadHandler } from './worker-config-of.ts';

/** All that tells the objects of one group from those that it had: while none of it changes, they need not be made again. */
export interface WorkloadOf {
  group: Pick<KinesisConsumerGroup, 'apiVersion' | 'kind' | 'spec'> & {
    metadata: Pick<GroupMetadata, 'name' | 'namespace'>;
  };
  uid: string;
  /** Asked for by annotation. */
  restart: string | undefined;
  target: GroupTarget;
  /** The operator's. */
  settings: { workerImage: string; workerOtlpEndpoint?: string | undefined };
  /** Of the stream consumer; undefined = there is none that serves, or the group polls. */
  consumerArn: string | undefined;
  replicas: number;
}

/** What the objects of a group are made from, apart from those that there are, and what workers have reported. */
export function workloadInput({
  group,
  uid,
  restart,
  target,
  settings,
  consumerArn,
  replicas,
}: WorkloadOf): Omit<WorkloadInput, 'config' | 'existing' | 'seenRevision'> & { config: WorkerConfig } {
  const { name, namespace } = group.metadata;
  const selector = workerSelector(name);
  return {
    group: { name, namespace, uid, apiVersion: group.apiVersion, kind: group.kind },
    handler: workloadHandler(group, target.region),
    template: group.spec.template,
    image: settings.workerImage,
    config: { ...workerConfigOf(group, target, consumerArn), otlpEndpoint: settings.workerOtlpEndpoint },
    handoffTimeoutMs: group.spec.leases.handoffTimeoutSeconds * 1000,
    labels: { ...ownedLabels(name), ...selector, [COMPONENT_LABEL]: 'worker' },
    selector,
    replicas,
    restart,
  };
}
