import { expect, test } from 'vitest';
import type { StoredObject } from '../../src/kubernetes/cluster.ts';
import { eventsOf } from '../../src/view/event-view.ts';

const event = (kind: string, name: string, more: object = {}): StoredObject => ({
  apiVersion: 'events.k8s.io/v1',
  kind: 'Event',
  metadata: {
    name: 'e',
    namespace: 'shop',
    uid: 'u',
    resourceVersion: '1',
    creationTimestamp: '2026-11-23T10:00:00Z',
  },
  type: 'Normal',
  reason: 'R',
  note: 'n',
  regarding: { kind, name },
  ...more,
});

test('the Events of a group are those of what belongs to it, oldest first, and not those of a group with a longer name', () => {
  const events = [
    event('KinesisConsumerGroup', 'orders', {
      series: { count: 4, lastObservedTime: '2026-11-23T12:00:00Z' },
    }),
    event('Deployment', 'orders-worker', {
      deprecatedLastTimestamp: '2026-11-23T11:00:00Z',
      deprecatedCount: 3,
    }),
    event('ReplicaSet', 'orders-worker-5d8'),
    event('Pod', 'orders-worker-5d8-abc'),
    event('PodDisruptionBudget', 'orders-worker'),
    event('KinesisConsumerGroup', 'orders-worker'),
    event('Pod', 'orders-worker-worker-5d8-abc'),
    event('Deployment', 'orders-worker-worker'),
    event('Pod', 'orders'),
  ];
  const found = eventsOf(events, 'orders');
  expect(found.map(({ regarding, count }) => `${regarding} ${count}`)).toEqual([
    'ReplicaSet/orders-worker-5d8 1',
    'Pod/orders-worker-5d8-abc 1',
    'PodDisruptionBudget/orders-worker 1',
    'Deployment/orders-worker 3',
    'KinesisConsumerGroup/orders 4',
  ]);
});
