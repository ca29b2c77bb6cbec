import { describe, expect, test } from 'vitest';
import type { StoredObject } from '../../src/kubernetes/cluster.ts';
import { deploymentFacts, podView } from '../../src/operator/observe-pods.ts';

const NOW = Date.UTC(2026, 10, 23, 12);
const metadata = { name: 'w', uid: 'u', resourceVersion: '1', generation: 2 };

describe('a container in trouble', () => {
  const running = (seconds: number) => ({
    running: { startedAt: new Date(NOW - seconds * 1_000).toISOString() },
  });
  test.each<[string, object, string | undefined]>([
    ['is one that waits', { state: { waiting: { reason: 'ErrImagePull' } } }, 'worker: ErrImagePull'],
    ['is not one that is created', { state: { waiting: { reason: 'ContainerCreating' } } }, undefined],
    ['is not one that is ready', { ready: true, state: running(3_600) }, undefined],
    ['is not one that starts', { ready: false, state: running(50) }, undefined],
    ['is one that does not become ready', { ready: false, state: running(61) }, 'worker: ContainerNotReady'],
    ['is not one of which little is known', { state: {} }, undefined],
  ])('%s', (_, container, expected) => {
    const status = { phase: 'Running', containerStatuses: [{ name: 'worker', ...container }] };
    const pod: StoredObject = { apiVersion: 'v1', kind: 'Pod', metadata, status };
    const { trouble } = podView(pod, NOW);
    expect(trouble && `${trouble.container}: ${trouble.reason}`).toBe(expected);
  });
});

describe('a Deployment', () => {
  const exceeded = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' };
  test.each<[string, object, boolean]>([
    ['whose new pods come up is not stuck', { observedGeneration: 2 }, false],
    ['past its progress deadline is stuck', { observedGeneration: 2, conditions: [exceeded] }, true],
    ['with a new template is not', { observedGeneration: 1, conditions: [exceeded] }, false],
  ])('%s', (_, status, expected) => {
    const deployment: StoredObject = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {},
      status,
    };
    expect(deploymentFacts(deployment)?.stuck).toBe(expected);
  });
});
