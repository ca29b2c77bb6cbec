import {
  RESTART_ANNOTATION,
  RESTARTED_AT_ANNOTATION,
  REVISION_ANNOTATION,
  WORKER_CONTAINER_ANNOTATION,
} from '../../../api/labels.ts';
import { WORKER_PORT } from '../../../api/worker-config.ts';
import {
  endedWhenItHangs,
  functionContainer,
  listensFirst,
  listOf,
  waitForDrain,
} from './function-container.ts';
import { mapOf } from '../../../lib/is-map.ts';
import { quantityProblems } from './template-quantities.ts';

/*
 * The pod template of a group's workers: the user's template, kept whole, with what the worker needs put in. Where the
 * user has set a field that is ours only by default (probes, resources, security context, spread), the user's stays.
 */

export type Json = Record<string, unknown>;

export type WorkloadHandler =
  | { kind: 'log' }
  | { kind: 'http'; container: string; port: number; path: string }
  | { kind: 'module'; container: string; path: string; export?: string | undefined }
  | { kind: 'lambda'; container: string; port: number; functionName: string; region: string }
  | { kind: 'exec'; container: string; command: string[] };

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
  /** Pods of another value are replaced by ones of this one. */
  restart?: string | undefined;
}

/** Name of the container that copies the runtime; one of that name among the template's says what it should have beside. */
export const INSTALL_CONTAINER = 'kcg-install';
/** Name of the worker's container with the handlers `http`, `lambda` and `log`; with others it is the one that the handler names. */
export const WORKER_CONTAINER = 'worker';
const RUNTIME_VOLUME = 'kcg-runtime';
const RUNTIME_PATH = '/kcg';
/** Node started by its own loader with its own libraries: it runs in an image with any C library, or with none. */
const RUNTIME_NODE = ['/kcg/ld.so', '--library-path', '/kcg/lib', '/kcg/node'];
/**
 * The young generation of a worker. Node's own choice goes by the memory there is: 1 MB in 512 MiB, which costs a quarter more
 * CPU and 50 MB, and on a large node without a limit up to 32 MB, which take 40 MB more and spare nothing.
 */
const NODE_FLAG = '--max-semi-space-size=4';
/** Between the end of the hand-off and SIGKILL, for the last writes. */
const GRACE_MARGIN_SECONDS = 15;
/** The user of the kcg image. */
const IMAGE_USER = 65_532;
/** Cluster Autoscaler keeps a node for the sake of any emptyDir but those named here. */
const LOCAL_VOLUMES_ANNOTATION = 'cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes';

const DEFAULT_CONTAINER = 'kubectl.kubernetes.io/default-container';

function workerContainerOf(handler: WorkloadHandler): string {
  return runsInApp(handler) ? handler.container : WORKER_CONTAINER;
}

/** The worker runs in the user's container, beside the code that it calls. */
function runsInApp(
  handler: WorkloadHandler,
): handler is Extract<WorkloadHandler, { kind: 'module' | 'exec' }> {
  return handler.kind === 'module' || handler.kind === 'exec';
}

/** Why the template cannot be used, or not with this handler; nothing when it can. */
export function templateProblems(input: Pick<WorkerTemplateInput, 'handler' | 'template'>): string[] {
  return [...containerProblems(input), ...quantityProblems(input.template)];
}

function containerProblems({
  handler,
  template,
}: Pick<WorkerTemplateInput, 'handler' | 'template'>): string[] {
  if (handler.kind === 'log') return [];
  const names = listOf(mapOf(template['spec'])['containers']).map(({ name }) => name);
  const path = `spec.handler.${handler.kind}.container`;
  if (!runsInApp(handler) && handler.container === WORKER_CONTAINER) {
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
        ...(runsInApp(handler) ? runtimeCanGo(mapOf(metadata['annotations'])) : {}),
        ...(handler.kind === 'lambda' ? chosenFirst(mapOf(metadata['annotations']), handler.container) : {}),
        ...(input.restart === undefined ? {} : { [RESTART_ANNOTATION]: input.restart }),
        [WORKER_CONTAINER_ANNOTATION]: workerContainerOf(handler),
      },
    },
    spec: {
      topologySpreadConstraints: spread(input.selector),
      // Else each Service of the namespace adds variables, in names that may be those of options.
      enableServiceLinks: false,
      ...(handler.kind === 'log' ? { automountServiceAccountToken: false } : {}),
      ...spec,
      securityContext: podSecurity(spec),
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
  if (handler.kind === 'log') return { containers: [...others, imageWorker(input, spec, base)] };
  if (handler.kind === 'http') {
    const apps = others.map((app) => (app['name'] === handler.container ? waitForDrain(app) : app));
    return { containers: [...apps, imageWorker(input, spec, base)] };
  }
  if (handler.kind === 'lambda') {
    const apps = others.map((app) =>
      app['name'] === handler.container
        ? endedWhenItHangs(waitForDrain(functionContainer(app, handler)))
        : app,
    );
    return { containers: [listensFirst(imageWorker(input, spec, base)), ...apps] };
  }
  return {
    initContainers: withCopier(input, spec),
    // The user's order stays: the first container is the one kubectl logs and exec choose.
    containers: given.map((container) => (container === base ? appWorker(input, base) : container)),
    volumes: [...listOf(spec['volumes']), { name: RUNTIME_VOLUME, emptyDir: {} }],
  };
}

function imageWorker(input: WorkerTemplateInput, spec: Json, base: Json): Json {
  const options = nodeFlags(base).map((value) => ({ name: 'NODE_OPTIONS', value }));
  return {
    image: input.image,
    args: ['worker'],
    resources: { requests: { cpu: '50m', memory: '128Mi' } },
    securityContext: restricted(spec),
    ...workerContainer(input, { ...base, env: [...options, ...listOf(base['env'])] }),
  };
}

function appWorker(input: WorkerTemplateInput, base: Json): Json {
  const { args: _, ...rest } = workerContainer(input, base);
  const mounts = [
    ...listOf(base['volumeMounts']),
    { name: RUNTIME_VOLUME, mountPath: RUNTIME_PATH, readOnly: true },
  ];
  return {
    ...rest,
    // Not in the environment: its image may have NODE_OPTIONS of its own there, and an exec handler's program inherits it.
    command: [...RUNTIME_NODE, ...nodeFlags(base), '/kcg/kcg.mjs', 'worker'],
    volumeMounts: mounts,
  };
}

/** None where the user says how Node runs in the container, or may say so: `env` would win over `envFrom`. */
function nodeFlags(base: Json): string[] {
  const isGiven = listOf(base['env']).some(({ name }) => name === 'NODE_OPTIONS');
  return isGiven || listOf(base['envFrom']).length > 0 ? [] : [NODE_FLAG];
}

/** What every container that runs a worker has, under and over the user's own fields. */
function workerContainer({ config }: WorkerTemplateInput, base: Json): Json {
  const env = workerEnv(
    config,
    (base['terminationMessagePath'] as string | undefined) ?? '/dev/termination-log',
  );
  const names = new Set(env.map(({ name }) => name));
  const ports = listOf(base['ports']).filter(({ containerPort }) => containerPort !== WORKER_PORT);
  return {
    // What it wrote itself, else the end of its log: the pod's status says why it ended.
    terminationMessagePolicy: 'FallbackToLogsOnError',
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

function workerEnv(config: string, lastWords: string): { name: string; value?: string; valueFrom?: Json }[] {
  return [
    { name: 'KCG_WORKER_CONFIG', value: config },
    { name: 'KCG_LAST_WORDS', value: lastWords },
    ...POD_FIELDS,
  ];
}

/** The same for all groups, whose objects are kept: shared among a thousand of them. */
const POD_FIELDS = Object.entries({
  KCG_POD_NAME: 'metadata.name',
  KCG_POD_UID: 'metadata.uid',
  KCG_POD_IP: 'status.podIP',
  KCG_NODE_NAME: 'spec.nodeName',
  KCG_REVISION: `metadata.annotations['${REVISION_ANNOTATION}']`,
  KCG_RESTARTED_AT: `metadata.annotations['${RESTARTED_AT_ANNOTATION}']`,
}).map(([name, fieldPath]) => ({ name, valueFrom: { fieldRef: { fieldPath } } }));

/** Where the user has put it, else before all others. Mounts and arguments are what it is for; the rest is the user's. */
function withCopier({ image }: WorkerTemplateInput, spec: Json): Json[] {
  const given = listOf(spec['initContainers']);
  const base = given.find(({ name }) => name === INSTALL_CONTAINER);
  const copier: Json = {
    image,
    resources: { requests: { cpu: '50m', memory: '64Mi' } },
    securityContext: restricted(spec),
    ...base,
    name: INSTALL_CONTAINER,
    args: ['install', RUNTIME_PATH],
    volumeMounts: [...listOf(base?.['volumeMounts']), { name: RUNTIME_VOLUME, mountPath: RUNTIME_PATH }],
  };
  return base ? given.map((each) => (each === base ? copier : each)) : [copier, ...given];
}

/** The copied runtime is no data: a node may be drained of it. Cluster Autoscaler's list has no spaces. */
function runtimeCanGo(annotations: Json): Json {
  const given = annotations[LOCAL_VOLUMES_ANNOTATION];
  const volumes = typeof given === 'string' && given !== '' ? given.split(',') : [];
  return { [LOCAL_VOLUMES_ANNOTATION]: [...new Set([...volumes, RUNTIME_VOLUME])].join(',') };
}

/** For kubectl logs and exec, which choose the first container else. */
function chosenFirst(annotations: Json, container: string): Json {
  return { [DEFAULT_CONTAINER]: annotations[DEFAULT_CONTAINER] ?? container };
}

function podSecurity(spec: Json): Json {
  return { seccompProfile: { type: 'RuntimeDefault' }, ...mapOf(spec['securityContext']) };
}

/**
 * The user is the image's own, and no number stands here: OpenShift gives each namespace a range of users and refuses any
 * other. Only in pods that run as root by their own will is it said, as these containers never need that.
 */
function restricted(spec: Json): Json {
  const isRootPod = mapOf(spec['securityContext'])['runAsUser'] === 0;
  return {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    runAsNonRoot: true,
    ...(isRootPod ? { runAsUser: IMAGE_USER, runAsGroup: IMAGE_USER } : {}),
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
