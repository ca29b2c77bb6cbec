export const NAMESPACE = 'shop';

/** A group of one worker on the stream `orders`. */
export function aGroup(name: string, spec: object = {}, metadata: object = {}) {
  return {
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisConsumerGroup',
    metadata: { name, namespace: NAMESPACE, ...metadata },
    spec: {
      stream: { name: 'orders' },
      region: 'eu-west-1',
      handler: { log: {} },
      scaling: { mode: 'Fixed', replicas: 1 },
      ...spec,
    },
  };
}
