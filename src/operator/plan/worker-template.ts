import { REVISION_ANNOTATION, WORKER_CONTAINER_ANNOTATION } from '../../api/labels.ts';
import { WORKER_PORT } from '../../api/worker-config.ts';

/*
 * The pod template of a group's workers: the user's template, kept whole, with what the worker needs put in. Where the
 * user has set a field that is ours only by default (probes, resources, security context, spread), the user's stays.
 */

export type Json = Record<string, unknown>;

export type WorkloadHandler =
  | { kind: 'log' }
  | { kind: 'http'; container: string; port: number; path: string }
  | { kind: 'module'; container: string; path: string };

export interface WorkerTemplateInput {
  handler: WorkloadHandler;
  /** The user's pod template, any fields. */
  template: Json;
  /** The kcg image, of worker containers and of the one that copies the runtime. */
  image: string;
  /** Value of `KCG_WORKER_CONFIG`. */
  config: string;
  /** How long a worker may finish what it has begun; the pods' grace period is 15 s longer at least. */
  handoffTimeoutMs: number;
  labels: Readonly<Record<string, string>>;
  selector: Readonly<Record<string, string>>;
}

/** Name of the worker's container with the handlers `http` and `log`; a module runs in the one its handler names. */
export const WORKER_CONTAINER = 'worker';
const RUNTIME_VOLUME = 'kcg-runtime';
const RUNTIME_PATH = '/kcg';
/** Node started by its own loader with its own libraries: it runs in an image with any C library, or with none. */
const RUNTIME_COMMAND = ['/kcg/ld.so', '--library-path', '/kcg/lib', '/kcg/node', '/kcg/kcg.mjs'];
/** Between the end of the hand-off and SIGKILL, for the last writes. */
const GRACE_MARGIN_SECONDS = 15;
/** The user of the kcg image. */
const IMAGE_USER = 65_532;

function workerContainerOf(handler: WorkloadHandler): string {
  return handler.kind === 'module' ? handler.container : WORKER_CONTAINER;
}

/** Why the template cannot carry this handler; nothing when it can. */
export function templateProblems({
  handler,
  template,
}: Pick<WorkerTemplateInput, 'handler' | 'template'>): string[] {
  if (handler.kind === 'log') return [];
  const names = listOf(mapOf(template['spec'])['containers']).map(({ name }) => name);
  const path = `spec.handler.${handler.kind}.container`;
  if (handler.kind === 'http' && handler.container === WORKER_CONTAINER) {
    return [
      `${path}: '${WORKER_CONTAINER}' is the name of the container kcg adds; give the app's container another`,
    ];
  }
  if (names.includes(handler.container)) return [];
  const has = names.length > 0 ? `it has ${names.join(', ')}` : 'it has none';
  return [`${path}: spec.template.spec.containers has no container '${handler.container}' (${has})`];
}

/** For a template in which `templateProblems` finds none. The user's grace period counts when it is longer. */
export function workerTemplate(input: WorkerTemplateInput): Json {
  const { template, labels, handler } = input;
  const metadata = mapOf(template['metadata']);
  const spec = mapOf(template['spec']);
  const grace = Math.ceil(input.handoffTimeoutMs / 1000) + GRACE_MARGIN_SECONDS;
  return {
    ...template,
    metadata: {
      ...metadata,
      // Pods are found by the selector; what else they are called is the user's.
      labels: { ...labels, ...mapOf(metadata['labels']), ...input.selector },
      annotations: {
        ...mapOf(metadata['annotations']),
        [WORKER_CONTAINER_ANNOTATION]: workerContainerOf(handler),
      },
    },
    spec: {
      topologySpreadConstraints: spread(input.selector),
      ...(handler.kind === 'log' ? { automountServiceAccountToken: false } : {}),
      ...spec,
      securityContext: { seccompProfile: { type: 'RuntimeDefault' }, ...mapOf(spec['securityContext']) },
      terminationGracePeriodSeconds: Math.max(grace, Number(spec['terminationGracePeriodSeconds'] ?? 0)),
      ...containers(input, spec),
    },
  };
}

function containers(input: WorkerTemplateInput, spec: Json): Json {
  const { handler } = input;
  const given = listOf(spec['containers']);
  const others = given.filter(({ name }) => name !== workerContainerOf(handler));
  const base = given.find(({ name }) => name === workerContainerOf(handler)) ?? { name: WORKER_CONTAINER };
  if (handler.kind === 'log') return { containers: [...others, imageWorker(input, base)] };
  if (handler.kind === 'http') {
    const apps = others.map((app) => (app['name'] === handler.container ? waitForDrain(app) : app));
    return { containers: [...apps, imageWorker(input, base)] };
  }
  return {
    initContainers: [runtimeCopier(input.image), ...listOf(spec['initContainers'])],
    // The user's order stays: the first container is the one kubectl logs and exec choose.
    containers: given.map((container) => (container === base ? moduleWorker(input, base) : container)),
    volumes: [...listOf(spec['volumes']), { name: RUNTIME_VOLUME, emptyDir: {} }],
  };
}

function imageWorker(input: WorkerTemplateInput, base: Json): Json {
  return {
    image: input.image,
    args: ['worker'],
    resources: { requests: { cpu: '50m', memory: '128Mi' } },
    securityContext: restricted(),
    ...workerContainer(input, base),
  };
}

function moduleWorker(input: WorkerTemplateInput, base: Json): Json {
  const { args: _, ...rest } = workerContainer(input, base);
  const mounts = [
    ...listOf(base['volumeMounts']),
    { name: RUNTIME_VOLUME, mountPath: RUNTIME_PATH, readOnly: true },
  ];
  return {
    ...rest,
    command: [...RUNTIME_COMMAND, 'worker'],
    volumeMounts: mounts,
  };
}

/** What every container that runs a worker has, under and over the user's own fields. */
function workerContainer({ config }: WorkerTemplateInput, base: Json): Json {
  const env = workerEnv(config);
  const names = new Set(env.map(({ name }) => name));
  const ports = listOf(base['ports']).filter(({ containerPort }) => containerPort !== WORKER_PORT);
  return {
    livenessProbe: {
      httpGet: { path: '/healthz', port: WORKER_PORT },
      periodSeconds: 10,
      failureThreshold: 3,
    },
    readinessProbe: {
      httpGet: { path: '/readyz', port: WORKER_PORT },
      periodSeconds: 5,
      failureThreshold: 2,
    },
    ...base,
    env: [...listOf(base['env']).filter(({ name }) => !names.has(String(name))), ...env],
    ports: [...ports, { name: 'kcg', containerPort: WORKER_PORT, protocol: 'TCP' }],
  };
}

function workerEnv(config: string): { name: string; value?: string; valueFrom?: Json }[] {
  const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  return [
    { name: 'KCG_WORKER_CONFIG', value: config },
    field('KCG_POD_NAME', 'metadata.name'),
    field('KCG_POD_UID', 'metadata.uid'),
    field('KCG_POD_IP', 'status.podIP'),
    field('KCG_NODE_NAME', 'spec.nodeName'),
    field('KCG_REVISION', `metadata.annotations['${REVISION_ANNOTATION}']`),
  ];
}

/** The app has to answer until the worker's last batch is through. */
function waitForDrain(app: Json): Json {
  const lifecycle = mapOf(app['lifecycle']);
  if (lifecycle['preStop']) return app;
  const preStop = { httpGet: { path: '/v1/drained', port: WORKER_PORT } };
  return { ...app, lifecycle: { ...lifecycle, preStop } };
}

function runtimeCopier(image: string): Json {
  return {
    name: 'kcg-install',
    image,
    args: ['install', RUNTIME_PATH],
    resources: { requests: { cpu: '50m', memory: '64Mi' } },
    securityContext: restricted(),
    volumeMounts: [{ name: RUNTIME_VOLUME, mountPath: RUNTIME_PATH }],
  };
}

function restricted(): Json {
  return {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    runAsNonRoot: true,
    runAsUser: IMAGE_USER,
    runAsGroup: IMAGE_USER,
    capabilities: { drop: ['ALL'] },
  };
}

/** A lost zone or node should take as few workers with it as possible. */
function spread(selector: Readonly<Record<string, string>>): Json[] {
  return ['topology.kubernetes.io/zone', 'kubernetes.io/hostname'].map((topologyKey) => ({
    topologyKey,
    maxSkew: 1,
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector: { matchLabels: { ...selector } },
  }));
}

function mapOf(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function listOf(value: unknown): Json[] {
  return Array.isArray(value) ? (value as Json[]) : [];
}
