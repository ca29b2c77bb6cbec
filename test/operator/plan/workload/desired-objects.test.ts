import { describe, expect, test } from 'vitest';
import type { StoredObject } from '../../../../src/kubernetes/cluster.ts';
import { covers } from '../../../../src/operator/plan/workload/covers.ts';
import {
  desiredObjects,
  hashOf,
  isLeftover,
  type WorkloadInput,
} from '../../../../src/operator/plan/workload/desired-objects.ts';
import {
  templateProblems,
  type Json,
  type WorkloadHandler,
} from '../../../../src/operator/plan/workload/worker-template.ts';

const LOG: WorkloadHandler = { kind: 'log' };
const HTTP: WorkloadHandler = { kind: 'http', container: 'app', port: 8080, path: '/' };
const MODULE: WorkloadHandler = { kind: 'module', container: 'app', path: '/app/handler.mjs' };

const LAMBDA: WorkloadHandler = {
  kind: 'lambda',
  container: 'app',
  port: 9001,
  functionName: 'orders',
  region: 'eu-west-1',
};

function input(change: Partial<WorkloadInput> = {}): WorkloadInput {
  return {
    group: {
      name: 'orders',
      namespace: 'shop',
      uid: 'u1',
      apiVersion: 'kcg.dev/v1alpha1',
      kind: 'KinesisConsumerGroup',
    },
    handler: LOG,
    template: {},
    image: 'kcg:1',
    config: '{"groupId":"shop.orders"}',
    handoffTimeoutMs: 30_000,
    labels: { 'kcg.dev/group': 'orders' },
    selector: { 'kcg.dev/group': 'orders' },
    replicas: 3,
    existing: undefined,
    seenRevision: 0,
    ...change,
  };
}

interface PodTemplate {
  metadata: { labels: Record<string, string>; annotations: Record<string, string> };
  spec: Json & { containers: Container[]; initContainers?: Container[]; volumes?: Json[] };
}
type Container = Json & { name: string; env?: { name: string; value?: string }[]; lifecycle?: Json };

function templateOf(change: Partial<WorkloadInput>): PodTemplate {
  return (desiredObjects(input(change)).deployment.spec as { template: PodTemplate }).template;
}

const app = (more: Json = {}): Json => ({
  spec: { containers: [{ name: 'app', image: 'shop:7', ...more }] },
});

describe('a Deployment', () => {
  test('is named after the group, belongs to it, and rolls without losing a worker', () => {
    const { deployment, podDisruptionBudget } = desiredObjects(input());
    expect(deployment).toMatchObject({
      metadata: {
        name: 'orders-worker',
        namespace: 'shop',
        ownerReferences: [{ uid: 'u1', controller: true }],
      },
      spec: { replicas: 3, strategy: { rollingUpdate: { maxSurge: '25%', maxUnavailable: 0 } } },
    });
    expect(podDisruptionBudget).toMatchObject({
      metadata: { name: 'orders-worker' },
      spec: { maxUnavailable: '25%' },
    });
  });

  test('gives pods longer than the hand-over takes, and more when the user says so', () => {
    expect(templateOf({}).spec['terminationGracePeriodSeconds']).toBe(45);
    const template = { spec: { terminationGracePeriodSeconds: 300 } };
    expect(templateOf({ template }).spec['terminationGracePeriodSeconds']).toBe(300);
    expect(
      templateOf({ template: { spec: { terminationGracePeriodSeconds: 1 } } }).spec[
        'terminationGracePeriodSeconds'
      ],
    ).toBe(45);
  });

  test('keeps the labels of the user, save those that select its pods', () => {
    const name = 'app.kubernetes.io/name';
    const labels = { [name]: 'kinesis-consumer', 'kcg.dev/group': 'orders' };
    expect(templateOf({ labels }).metadata.labels).toEqual(labels);
    const template = { metadata: { labels: { [name]: 'orders', 'kcg.dev/group': 'forged' } } };
    expect(templateOf({ labels, template }).metadata.labels).toEqual({ ...labels, [name]: 'orders' });
  });

  test('keeps every field of the user, and only fills in what is unset', () => {
    const template = {
      metadata: { labels: { team: 'shop', 'kcg.dev/group': 'forged' }, annotations: { a: 'b' } },
      spec: {
        serviceAccountName: 'orders',
        priorityClassName: 'high',
        topologySpreadConstraints: [],
        futureField: 1,
      },
    };
    const { metadata, spec } = templateOf({ template });
    expect(metadata.labels).toEqual({ team: 'shop', 'kcg.dev/group': 'orders' });
    expect(metadata.annotations).toMatchObject({ a: 'b' });
    expect(spec).toMatchObject({
      serviceAccountName: 'orders',
      priorityClassName: 'high',
      topologySpreadConstraints: [],
      futureField: 1,
    });
  });
});

test.each<[WorkloadHandler, string]>([
  [LOG, 'worker'],
  [HTTP, 'worker'],
  [LAMBDA, 'worker'],
  [{ ...MODULE, container: 'main' }, 'main'],
])('a pod of %o says that its worker runs in container %s', (handler, container) => {
  const annotations = { 'kcg.dev/worker-container': 'forged' };
  const { metadata } = templateOf({ handler, template: { ...app(), metadata: { annotations } } });
  expect(metadata.annotations['kcg.dev/worker-container']).toBe(container);
});

describe('the containers', () => {
  test('of log: one worker of the kcg image, restricted', () => {
    const { containers } = templateOf({}).spec;
    expect(containers).toHaveLength(1);
    expect(containers[0]).toMatchObject({
      name: 'worker',
      image: 'kcg:1',
      args: ['worker'],
      ports: [{ name: 'kcg', containerPort: 8085 }],
      securityContext: { runAsNonRoot: true, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    });
  });

  test('of log: the user sets resources of the worker by its name', () => {
    const template = {
      spec: {
        containers: [
          {
            name: 'worker',
            resources: { limits: { memory: '1Gi' } },
            env: [
              { name: 'KCG_POD_UID', value: 'x' },
              { name: 'A', value: 'b' },
            ],
          },
        ],
      },
    };
    const [worker] = templateOf({ template }).spec.containers;
    expect(worker).toMatchObject({ image: 'kcg:1', resources: { limits: { memory: '1Gi' } } });
    expect(worker!.env!.map(({ name }) => name)).toEqual([
      'NODE_OPTIONS',
      'A',
      'KCG_WORKER_CONFIG',
      'KCG_LAST_WORDS',
      'KCG_POD_NAME',
      'KCG_POD_UID',
      'KCG_POD_IP',
      'KCG_NODE_NAME',
      'KCG_REVISION',
      'KCG_RESTARTED_AT',
    ]);
  });

  test('of http: the app and a worker; the app stays until the worker has drained', () => {
    const { containers } = templateOf({ handler: HTTP, template: app() }).spec;
    expect(containers.map(({ name }) => name)).toEqual(['app', 'worker']);
    expect(containers[0]!.lifecycle).toEqual({ preStop: { httpGet: { path: '/v1/drained', port: 8085 } } });
  });

  test("of http: the app's own preStop stays", () => {
    const lifecycle = { preStop: { sleep: { seconds: 3 } } };
    const { containers } = templateOf({ handler: HTTP, template: app({ lifecycle }) }).spec;
    expect(containers[0]!.lifecycle).toEqual(lifecycle);
  });

  test('of module: the runtime is copied in and runs in the user’s container', () => {
    const template = app({ args: ['serve'], volumeMounts: [{ name: 'data', mountPath: '/data' }] });
    const { containers, initContainers, volumes } = templateOf({ handler: MODULE, template }).spec;
    expect(initContainers).toMatchObject([
      { image: 'kcg:1', args: ['install', '/kcg'], volumeMounts: [{ mountPath: '/kcg' }] },
    ]);
    expect(containers).toMatchObject([
      {
        name: 'app',
        image: 'shop:7',
        command:
          '/kcg/ld.so --library-path /kcg/lib /kcg/node --max-semi-space-size=4 /kcg/kcg.mjs worker'.split(
            ' ',
          ),
        volumeMounts: [{ mountPath: '/data' }, { mountPath: '/kcg', readOnly: true }],
      },
    ]);
    expect(containers[0]).not.toHaveProperty('args');
    expect(volumes).toEqual([{ name: 'kcg-runtime', emptyDir: {} }]);
  });

  test('of exec: the same, and its program is the worker’s to start', () => {
    const handler: WorkloadHandler = { kind: 'exec', container: 'app', command: ['python3', 'app.py'] };
    const template = app({ command: ['java'], args: ['serve'] });
    expect(templateOf({ handler, template })).toEqual(templateOf({ handler: MODULE, template }));
  });

  test('that copies the runtime has what the template’s container of its name has beside', () => {
    const resources = { limits: { cpu: '1', memory: '128Mi' } };
    const mount = { name: 'ca', mountPath: '/ca' };
    const install = { name: 'kcg-install', resources, args: ['x'], volumeMounts: [mount] };
    const template = app();
    (template['spec'] as Json)['initContainers'] = [{ name: 'proxy', restartPolicy: 'Always' }, install];
    const { initContainers } = templateOf({ handler: MODULE, template }).spec;
    expect(initContainers).toMatchObject([
      { name: 'proxy' },
      { name: 'kcg-install', image: 'kcg:1', args: ['install', '/kcg'], resources },
    ]);
    expect(initContainers![1]!['volumeMounts']).toEqual([mount, { name: 'kcg-runtime', mountPath: '/kcg' }]);
  });

  test.each([LOG, HTTP, MODULE, LAMBDA])('of %o: what kcg adds names no user of its own', (handler) => {
    const { containers, initContainers = [] } = templateOf({ handler, template: app() }).spec;
    const ours = [...containers, ...initContainers].filter(({ image }) => image === 'kcg:1');
    expect(ours).toHaveLength(1);
    expect(ours[0]!['securityContext']).not.toHaveProperty('runAsUser');
  });

  test.each([LOG, HTTP, MODULE, LAMBDA])('of %o: what kcg adds is not root in a pod that is', (handler) => {
    const template = app();
    (template['spec'] as Json)['securityContext'] = { runAsUser: 0 };
    const { containers, initContainers = [] } = templateOf({ handler, template }).spec;
    const ours = [...containers, ...initContainers].filter(({ image }) => image === 'kcg:1');
    expect(ours).toMatchObject([{ securityContext: { runAsNonRoot: true, runAsUser: 65_532 } }]);
  });

  test.each([LOG, HTTP, MODULE, LAMBDA])(
    'of %o: what ended a worker comes into the status of its pod',
    (handler) => {
      const worker = (template: Json) => {
        const { containers } = templateOf({ handler, template }).spec;
        const found = containers.find(({ env = [] }) => env.some(({ name }) => name === 'KCG_LAST_WORDS'))!;
        return { ...found, path: found.env!.find(({ name }) => name === 'KCG_LAST_WORDS')!.value };
      };
      expect(worker(app())).toMatchObject({
        terminationMessagePolicy: 'FallbackToLogsOnError',
        path: '/dev/termination-log',
      });
      const template = app({ terminationMessagePath: '/tmp/end' });
      (template['spec'] as { containers: Json[] }).containers.push({
        name: 'worker',
        terminationMessagePath: '/tmp/end',
      });
      expect(worker(template).path).toBe('/tmp/end');
    },
  );

  test.each([LOG, HTTP, MODULE, LAMBDA])(
    'of %o: the young generation of its Node is small, unless the user says how it runs',
    (handler) => {
      const flag = '--max-semi-space-size=4';
      const own = { name: 'NODE_OPTIONS', value: '--use-openssl-ca' };
      const worker = (more: Json): Json => {
        const name = handler === MODULE ? 'app' : 'worker';
        const template = { spec: { containers: [{ name: 'app', image: 'shop:7' }, { name: 'worker' }] } };
        Object.assign(
          template.spec.containers.find((each) => each.name === name)!,
          more,
        );
        return templateOf({ handler, template }).spec.containers.find((each) => each.name === name)!;
      };
      const isNamed = (more: Json) => JSON.stringify(worker(more)).includes(flag);
      expect(isNamed({})).toBe(true);
      expect(worker({ env: [own] })['env']).toContainEqual(own);
      expect(isNamed({ env: [own] })).toBe(false);
      expect(isNamed({ envFrom: [{ configMapRef: { name: 'node' } }] })).toBe(false);
    },
  );

  test('get no variables from the Services of the namespace, unless the user wants them', () => {
    expect(templateOf({}).spec['enableServiceLinks']).toBe(false);
    const template = { spec: { enableServiceLinks: true } };
    expect(templateOf({ template }).spec['enableServiceLinks']).toBe(true);
  });

  test.each<[WorkloadHandler, string | undefined, string | undefined]>([
    [LOG, undefined, undefined],
    [HTTP, 'cache', 'cache'],
    [MODULE, undefined, 'kcg-runtime'],
    [MODULE, 'cache,tmp', 'cache,tmp,kcg-runtime'],
    [MODULE, 'kcg-runtime', 'kcg-runtime'],
  ])('of %o keep no node from being removed: %s becomes %s', (handler, given, expected) => {
    const key = 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes';
    const metadata = { annotations: given === undefined ? {} : { [key]: given } };
    const { annotations } = templateOf({ handler, template: { ...app(), metadata } }).metadata;
    expect(annotations[key]).toBe(expected);
  });

  test.each<[string, WorkloadHandler, Json, string | undefined]>([
    ['log needs none', LOG, {}, undefined],
    ['http has its app', HTTP, app(), undefined],
    ['http without its app', HTTP, {}, "no container 'app' (it has none)"],
    [
      'module in another container',
      { ...MODULE, container: 'main' },
      app(),
      "no container 'main' (it has app)",
    ],
    ['a function without its container', LAMBDA, {}, "no container 'app' (it has none)"],
    ['a function that is called worker', { ...LAMBDA, container: 'worker' }, app(), 'give the app'],
    ['an app that is called worker', { ...HTTP, container: 'worker' }, app(), 'give the app'],
  ])('are complained about: %s', (_, handler, template, expected) => {
    const problems = templateProblems({ handler, template });
    if (expected === undefined) expect(problems).toEqual([]);
    else expect(problems.join()).toContain(expected);
  });
});

describe('the container of a function', () => {
  const containersOf = (more: Json = {}) =>
    templateOf({ handler: LAMBDA, template: app(more) }).spec.containers;
  const envOf = (more: Json = {}) =>
    Object.fromEntries(
      containersOf(more)[1]!.env!.map(({ name, value, ...from }) => [name, value ?? from]),
    ) as Record<string, unknown>;

  test('begins once the worker listens, and ends after it has drained', () => {
    const [worker, function_] = containersOf();
    expect(worker).toMatchObject({ name: 'worker', lifecycle: { postStart: { exec: {} } } });
    expect(function_).toMatchObject({
      name: 'app',
      lifecycle: { preStop: { httpGet: { path: '/v1/drained', port: 8085 } } },
      livenessProbe: { httpGet: { path: '/v1/function', port: 8085 } },
    });
  });

  test('is the one that kubectl chooses, unless the user has chosen', () => {
    const key = 'kubectl.kubernetes.io/default-container';
    const chosen = (annotations: Json) =>
      templateOf({ handler: LAMBDA, template: { ...app(), metadata: { annotations } } }).metadata.annotations[
        key
      ];
    expect(chosen({})).toBe('app');
    expect(chosen({ [key]: 'worker' })).toBe('worker');
  });

  test('has the variables of a function', () => {
    expect(envOf()).toEqual({
      AWS_LAMBDA_RUNTIME_API: '127.0.0.1:9001',
      AWS_LAMBDA_FUNCTION_NAME: 'orders',
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: {
        valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } },
      },
      AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/orders',
      AWS_LAMBDA_LOG_STREAM_NAME: { valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      AWS_REGION: 'eu-west-1',
      AWS_DEFAULT_REGION: 'eu-west-1',
    });
  });

  test('keeps what the user has set, save the address of the Runtime API', () => {
    const set = ['AWS_LAMBDA_FUNCTION_NAME', 'AWS_REGION', '_HANDLER', 'AWS_LAMBDA_RUNTIME_API'];
    const env = envOf({ env: set.map((name) => ({ name, value: 'mine' })) });
    expect(env).toMatchObject({ AWS_LAMBDA_FUNCTION_NAME: 'mine', AWS_REGION: 'mine', _HANDLER: 'mine' });
    expect(env['AWS_LAMBDA_RUNTIME_API']).toBe('127.0.0.1:9001');
  });

  test('leaves the region to a ConfigMap, over which env would win', () => {
    expect(envOf({ envFrom: [{ configMapRef: { name: 'aws' } }] })).not.toHaveProperty('AWS_REGION');
  });

  test('has threads for clients that ask several times at once', () => {
    expect(envOf()).not.toHaveProperty('UV_THREADPOOL_SIZE');
    const several = { name: 'AWS_LAMBDA_MAX_CONCURRENCY', value: '4' };
    expect(envOf({ env: [several] })).toMatchObject({ UV_THREADPOOL_SIZE: '32' });
    const own = { name: 'UV_THREADPOOL_SIZE', value: '8' };
    expect(envOf({ env: [several, own] })).toMatchObject({ UV_THREADPOOL_SIZE: '8' });
  });

  test('keeps a probe and hooks of the user’s own', () => {
    const livenessProbe = { exec: { command: ['true'] } };
    const lifecycle = { preStop: { sleep: { seconds: 3 } } };
    expect(containersOf({ livenessProbe, lifecycle })[1]).toMatchObject({ livenessProbe, lifecycle });
  });
});

describe('a Deployment of our name', () => {
  const { group } = input();
  const owner = { ...group, uid: 'u0', controller: true };
  test.each<[string, Partial<StoredObject['metadata']>, boolean]>([
    ['of an older group of this name is a leftover', { ownerReferences: [owner] }, true],
    ['of this group is none', { ownerReferences: [{ ...owner, uid: 'u1' }] }, false],
    ['of another group is none', { ownerReferences: [{ ...owner, name: 'orders2' }] }, false],
    ['of nobody is none', {}, false],
    ['of nobody that is being deleted is one', { deletionTimestamp: '2026-11-23T12:00:00Z' }, true],
  ])('%s', (_, metadata, expected) => {
    const { deployment } = desiredObjects(input());
    const { ownerReferences: _owners, ...rest } = deployment.metadata;
    expect(isLeftover({ ...deployment, metadata: { ...rest, ...metadata } }, group)).toBe(expected);
  });
});

describe('the revision', () => {
  const stored = (change: Partial<WorkloadInput>): StoredObject => ({
    ...desiredObjects(input(change)).deployment,
    metadata: { ...desiredObjects(input(change)).deployment.metadata, uid: 'd1', resourceVersion: '1' },
  });

  test.each<[string, Partial<WorkloadInput>, number]>([
    ['begins at 1', {}, 1],
    ['stays with the same template', { existing: stored({}) }, 1],
    ['stays when only the replicas change', { existing: stored({}), replicas: 9 }, 1],
    ['grows with the configuration', { existing: stored({}), config: '{}' }, 2],
    ['grows with the image', { existing: stored({}), image: 'kcg:2' }, 2],
    ['goes on after the Deployment was deleted', { seenRevision: 7 }, 8],
    ['is not held back by older workers', { existing: stored({}), seenRevision: 7 }, 1],
  ])('%s', (_, change, expected) => {
    const { revision, deployment } = desiredObjects(input(change));
    expect(revision).toBe(expected);
    const { template } = deployment.spec as { template: PodTemplate };
    expect(template.metadata.annotations['kcg.dev/revision']).toBe(String(expected));
  });

  test('hashes do not depend on the order of keys', () => {
    expect(hashOf({ a: 1, b: { c: 2, d: 3 } })).toBe(hashOf({ b: { d: 3, c: 2 }, a: 1 }));
    expect(hashOf([1, 2])).not.toBe(hashOf([2, 1]));
  });
});

describe('covers', () => {
  test.each<[string, unknown, unknown, boolean]>([
    ['the same', { a: 1 }, { a: 1 }, true],
    ['defaults of the server', { a: 1, b: 2 }, { a: 1 }, true],
    ['a changed value', { a: 2 }, { a: 1 }, false],
    ['a field that is gone', {}, { a: { b: 1 } }, false],
    [
      'items by name, in any order',
      [{ name: 'y' }, { name: 'x', z: 1 }],
      [{ name: 'x' }, { name: 'y' }],
      true,
    ],
    ['a list without names as a whole', [1, 2], [1], false],
    ['empty values that servers drop', {}, { a: '', b: [] }, true],
    ['null says nothing', { a: 1 }, { a: null }, true],
  ])('%s', (_, actual, wanted, expected) => {
    expect(covers(actual, wanted)).toBe(expected);
  });
});
