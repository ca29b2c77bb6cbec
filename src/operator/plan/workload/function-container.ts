import { WORKER_PORT } from '../../../api/worker-config.ts';

type Json = Record<string, unknown>;

export interface FunctionPlace {
  functionName: string;
  region: string;
  /** Of the Runtime API. */
  port: number;
}

/** libuv has four threads: a Node client that asks several times at once would take them from the function. */
const NODE_THREADS = '32';

/**
 * The container of a function, with the environment that a function has in Lambda. What the user has set stays, and what images
 * set themselves (`LAMBDA_TASK_ROOT`, `_HANDLER`) is not touched. Only the address of the Runtime API is ours alone. Kubernetes
 * lets `env` win over `envFrom`, so where there is any of it the region, which is often set there, is left to it.
 */
export function functionContainer(app: Json, { functionName, region, port }: FunctionPlace): Json {
  const given = listOf(app['env']).filter(({ name }) => name !== 'AWS_LAMBDA_RUNTIME_API');
  const names = new Set(given.map(({ name }) => name));
  const isFromElsewhere = listOf(app['envFrom']).length > 0;
  const defaults: Json[] = [
    { name: 'AWS_LAMBDA_FUNCTION_NAME', value: functionName },
    { name: 'AWS_LAMBDA_FUNCTION_VERSION', value: '$LATEST' },
    // Without a limit Kubernetes says what the node has.
    {
      name: 'AWS_LAMBDA_FUNCTION_MEMORY_SIZE',
      valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } },
    },
    { name: 'AWS_LAMBDA_LOG_GROUP_NAME', value: `/aws/lambda/${functionName}` },
    { name: 'AWS_LAMBDA_LOG_STREAM_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    { name: 'AWS_LAMBDA_INITIALIZATION_TYPE', value: 'on-demand' },
    ...(isFromElsewhere ? [] : ['AWS_REGION', 'AWS_DEFAULT_REGION'].map((name) => ({ name, value: region }))),
    ...(names.has('AWS_LAMBDA_MAX_CONCURRENCY') ? [{ name: 'UV_THREADPOOL_SIZE', value: NODE_THREADS }] : []),
  ];
  const runtimeApi = { name: 'AWS_LAMBDA_RUNTIME_API', value: `127.0.0.1:${port}` };
  return { ...app, env: [...given, ...defaults.filter(({ name }) => !names.has(name)), runtimeApi] };
}

/**
 * As Lambda ends a function that does not answer in time, so does the kubelet: the worker says when nothing but that helps. A
 * probe of the user's stays.
 */
export function endedWhenItHangs(app: Json): Json {
  if (app['livenessProbe']) return app;
  const livenessProbe = {
    httpGet: { path: '/v1/function', port: WORKER_PORT },
    periodSeconds: 10,
    failureThreshold: 3,
    // Many a client takes no SIGTERM as the first process of its container.
    terminationGracePeriodSeconds: 5,
  };
  return { ...app, livenessProbe };
}

/**
 * The worker of a function begins before it: clients end when nobody listens yet. The kubelet starts the containers of a pod in
 * their order, and the next one when the hook of the last has ended.
 */
export function listensFirst(worker: Json): Json {
  const lifecycle = worker['lifecycle'] as Json | undefined;
  if (lifecycle?.['postStart']) return worker;
  const wait = `const ask = () => fetch('http://127.0.0.1:${WORKER_PORT}/healthz').catch(() => setTimeout(ask, 50)); ask()`;
  const postStart = { exec: { command: ['/app/node', '-e', wait] } };
  return { ...worker, lifecycle: { ...lifecycle, postStart } };
}

/** How many events the user's own setting allows the clients at once; a Node client asks for more all the same. */
export function maxConcurrencyOf(app: Json | undefined): number | undefined {
  const set = listOf(app?.['env']).find(({ name }) => name === 'AWS_LAMBDA_MAX_CONCURRENCY');
  const most = Number(set?.['value']);
  return Number.isInteger(most) && most >= 1 ? most : undefined;
}

/** The app has to answer until the worker's last batch is through. */
export function waitForDrain(app: Json): Json {
  const lifecycle = app['lifecycle'] as Json | undefined;
  if (lifecycle?.['preStop']) return app;
  const preStop = { httpGet: { path: '/v1/drained', port: WORKER_PORT } };
  return { ...app, lifecycle: { ...lifecycle, preStop } };
}

export function listOf(value: unknown): Json[] {
  return Array.isArray(value) ? (value as Json[]) : [];
}
