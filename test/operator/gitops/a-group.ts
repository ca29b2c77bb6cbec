export const NAMESPACE = 'shop';

/** A group of one worker on the stream `orders`, whose leases end soon. */
export function aGroup(name: string, spec: object = {}, metadata: object = {}) {
  return {
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisConsumerGroup',
    metadata: { name, namespace: NAMESPACE, ...metadata },
    spec: {
      stream: { name: 'orders' },
      region: 'eu-west-1',
      leases: { durationSeconds: 6 },
      handler: { log: {} },
      scaling: { mode: 'Fixed', replicas: 1 },
      ...spec,
    },
  };
}
