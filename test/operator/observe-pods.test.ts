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

describe('a container that ends again and again', () => {
  const backOff = 'back-off 40s restarting failed container=worker pod=w_shop';
  test.each<[string, object | undefined, string]>([
    [
      'is told of in its own last words',
      { exitCode: 2, reason: 'Error', message: 'handler module /app/h.mjs does not exist. Set spec.…\n' },
      'ended with exit code 2: handler module /app/h.mjs does not exist. Set spec.…',
    ],
    [
      'is told of by the last line of its log that says something',
      {
        exitCode: 1,
        reason: 'Error',
        message:
          '{"level":"info"}\n/app/h.mjs:3\nthrow 1\n^\n\nTypeError: x is not a function\n    at f (/app/h.mjs:3:1) {\n}\n\nNode.js v24.21.0\n',
      },
      'ended with exit code 1: TypeError: x is not a function',
    ],
    ['ran out of memory', { exitCode: 137, reason: 'OOMKilled' }, 'OOMKilled'],
    ['said nothing', { exitCode: 3, reason: 'Error' }, 'ended with exit code 3'],
    [
      'ended without an error',
      { exitCode: 0, reason: 'Completed' },
      'back-off restarting failed container=worker pod=w_shop',
    ],
    ['is not known to have ended', undefined, 'back-off restarting failed container=worker pod=w_shop'],
  ])('%s', (_, terminated, expected) => {
    const waiting = { reason: 'CrashLoopBackOff', message: backOff };
    const container = { name: 'worker', state: { waiting }, lastState: terminated && { terminated } };
    const pod: StoredObject = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata,
      status: { containerStatuses: [container] },
    };
    expect(podView(pod, NOW).trouble).toEqual({
      container: 'worker',
      reason: 'CrashLoopBackOff',
      message: expected,
    });
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
