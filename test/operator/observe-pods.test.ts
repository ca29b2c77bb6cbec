import { describe, expect, test } from 'vitest';
import type { StoredObject } from '../../src/kubernetes/cluster.ts';
import { deploymentFacts, podView } from '../../src/operator/observe/observe-pods.ts';

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
    [
      'is one that has ended',
      { state: { terminated: { reason: 'OOMKilled', exitCode: 137 } } },
      'worker: Terminated: OOMKilled',
    ],
  ])('%s', (_, container, expected) => {
    expect(told({ containerStatuses: [{ name: 'worker', ...container }] })).toMatch(matching(expected));
  });

  test.each<[string, object, string | undefined]>([
    [
      'is an init container that hangs',
      { ready: false, state: running(61) },
      'init: ContainerNotReady: an init',
    ],
    ['is not a sidecar that is ready', { ready: true, started: true, state: running(61) }, undefined],
    [
      'is not an init container that is done',
      { ready: true, state: { terminated: { exitCode: 0 } } },
      undefined,
    ],
    [
      'is an init container that failed',
      { state: { terminated: { exitCode: 2 } } },
      'init: Terminated: ended with exit code 2',
    ],
  ])('%s', (_, container, expected) => {
    expect(told({ initContainerStatuses: [{ name: 'init', ...container }] })).toMatch(matching(expected));
  });

  test('is the same all the time while it crashes, runs for a moment and waits', () => {
    const terminated = { exitCode: 1, reason: 'Error', message: 'cannot find /app/handler.mjs' };
    const round = [
      { state: { terminated }, lastState: { terminated } },
      { state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated } },
      { state: running(1), lastState: { terminated } },
    ];
    const looping = { name: 'worker', ready: false, restartCount: 4 };
    const words = 'worker: CrashLoopBackOff: ended with exit code 1: cannot find /app/handler.mjs';
    for (const state of round) expect(told({ containerStatuses: [{ ...looping, ...state }] })).toBe(words);
    const [, , last] = round;
    // One that was well for long, and one that ended once.
    const well = { ...looping, ready: true, ...last };
    const once = { ...looping, restartCount: 1, ...last };
    const slow = { ...looping, ...last, state: running(61) };
    expect(told({ containerStatuses: [well] })).toBe('');
    expect(told({ containerStatuses: [once] })).toBe('');
    expect(told({ containerStatuses: [slow] })).toContain('worker: ContainerNotReady');
  });

  const since = (seconds: number) => new Date(NOW - seconds * 1_000).toISOString();
  const condition = (type: string, status: string, seconds: number, more: object = {}) => ({
    type,
    status,
    lastTransitionTime: since(seconds),
    ...more,
  });

  test('is one that is being created for long', () => {
    const creating = [{ name: 'worker', ready: false, state: { waiting: { reason: 'ContainerCreating' } } }];
    const scheduled = (seconds: number) => ({
      conditions: [condition('PodScheduled', 'True', seconds)],
      containerStatuses: creating,
    });
    expect(told(scheduled(59))).toBe('');
    expect(told(scheduled(61))).toContain('worker: ContainerCreating: is being created');
  });

  test('is none when the pod waits for its readiness gates', () => {
    const message = 'corresponding condition of pod readiness gate "lb/ready" does not exist.';
    const conditions = (seconds: number) => [
      condition('ContainersReady', 'True', seconds),
      condition('Ready', 'False', seconds, { reason: 'ReadinessGatesNotReady', message }),
    ];
    expect(told({ conditions: conditions(59) })).toBe('');
    expect(told({ conditions: conditions(61) })).toBe(`: ReadinessGatesNotReady: ${message}`);
  });

  test('has no process, unless it is an init container', () => {
    const ended = { state: { terminated: { exitCode: 0 } } };
    const status = {
      initContainerStatuses: [{ name: 'init', ...ended }],
      containerStatuses: [
        { name: 'app', ...ended },
        { name: 'worker', state: running(1) },
      ],
    };
    expect(podView(aPod(status), NOW).down).toEqual(['app']);
  });

  function aPod(status: object): StoredObject {
    return { apiVersion: 'v1', kind: 'Pod', metadata, status: { phase: 'Running', ...status } };
  }

  function told(status: object): string {
    const { trouble } = podView(aPod(status), NOW);
    return trouble ? `${trouble.container}: ${trouble.reason}: ${trouble.message}` : '';
  }

  function matching(start: string | undefined): RegExp {
    return start === undefined ? /^$/ : new RegExp(`^${start}`);
  }
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
