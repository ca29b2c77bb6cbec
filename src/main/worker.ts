import {
  decodeWorkerConfig,
  WORKER_CONFIG_ENV,
  WORKER_PORT,
  type WorkerConfig,
} from '../api/worker-config.ts';
import type { WireFormat } from '../kinesis/aws/get-records-call.ts';
import type { AwsCredentials } from '../aws/credentials.ts';
import { openLeaseTable } from '../leases/dynamodb/lease-table.ts';
import type { LeaseTable } from '../leases/lease-table.ts';
import { systemClock } from '../lib/clock.ts';
import { ALL_ADDRESSES, hostPort } from '../lib/listen.ts';
import { createLog, type Log } from '../lib/log.ts';
import { parseOptions, type OptionTable, type OptionValues } from '../lib/options.ts';
import { randomName, systemRandom } from '../lib/random.ts';
import type { FailureDestination } from '../runtime/failure/failure-destination.ts';
import { folderDestination } from '../runtime/failure/folder-destination.ts';
import { openDestination } from '../runtime/failure/open-destination.ts';
import { functionMetrics } from '../runtime/function-metrics.ts';
import { createHandler } from '../runtime/handlers/create-handler.ts';
import type { Handler } from '../runtime/handlers/handler.ts';
import { unawaitedFailure } from '../runtime/handlers/unawaited-work.ts';
import { httpNudge } from '../runtime/leasing/nudge.ts';
import { openPatiently } from '../runtime/open-patiently.ts';
import { openPayloads } from '../runtime/payload/payloads.ts';
import { Worker } from '../runtime/worker.ts';
import type { WorkerIdentity } from '../runtime/worker-options.ts';
import { workerEventLog } from '../runtime/worker-event.ts';
import { WorkerMetrics } from '../runtime/worker-metrics.ts';
import { startWorkerServer } from '../runtime/worker-server.ts';
import { logLevelOption } from './log-level-option.ts';
import { endOfInput } from './worker/end-of-input.ts';
import { giveRegion } from './worker/give-region.ts';
import { sayLastWords } from './last-words.ts';
import { tellLoadedFiles } from './worker/loaded-files.ts';
import { openClients } from './worker/worker-clients.ts';
import { openWorkerTelemetry } from './worker/worker-telemetry.ts';

const FORMAT_NAMES = ['auto', 'cbor', 'json'] as const;
const FORMATS: Record<(typeof FORMAT_NAMES)[number], WireFormat | undefined> = {
  auto: undefined,
  cbor: 'CBOR',
  json: 'JSON',
};

export const workerOptions = {
  'pod-name': {
    type: 'string',
    env: 'KCG_POD_NAME',
    description: 'name of this worker; outside Kubernetes a random one',
  },
  'pod-uid': { type: 'string', env: 'KCG_POD_UID', description: 'uid of the pod', default: '' },
  'pod-ip': {
    type: 'string',
    env: 'KCG_POD_IP',
    description: 'address on which others reach this worker',
    default: '127.0.0.1',
  },
  'node-name': { type: 'string', env: 'KCG_NODE_NAME', description: 'node the pod runs on', default: '' },
  revision: {
    type: 'number',
    env: 'KCG_REVISION',
    description: 'order of the pod template',
    default: 0,
    min: 0,
    max: 2 ** 31,
  },
  'restarted-at': {
    type: 'string',
    env: 'KCG_RESTARTED_AT',
    description: 'when `kubectl rollout restart` asked for this pod',
    default: '',
  },
  host: { type: 'string', env: 'KCG_HOST', description: 'address to listen on', default: ALL_ADDRESSES },
  port: {
    type: 'number',
    env: 'KCG_PORT',
    description: 'port for nudges, probes and metrics; 0 = any',
    default: WORKER_PORT,
    min: 0,
    max: 65_535,
  },
  'function-port': {
    type: 'number',
    env: 'KCG_FUNCTION_PORT',
    description: "port of the Runtime API in place of the group's; 0 = any",
    min: 0,
    max: 65_535,
  },
  'exit-with-parent': {
    type: 'boolean',
    env: 'KCG_EXIT_WITH_PARENT',
    description: 'stop when standard input ends (local mode)',
  },
  'given-up-folder': {
    type: 'string',
    description: "folder for batches that are given up, in place of the group's onFailure (local mode)",
  },
  check: { type: 'boolean', description: 'load the handler, say what is wrong with it, and end' },
  'kinesis-format': {
    type: 'string',
    env: 'KCG_KINESIS_FORMAT',
    description: 'how GetRecords is written; auto = CBOR where the endpoint knows it, else JSON',
    choices: FORMAT_NAMES,
    default: 'auto',
  },
  'log-level': logLevelOption,
} as const satisfies OptionTable;

/** As the grace period of a pod: what comes after the hand-off. */
const LAST_WRITES_MS = 15_000;

/**
 * `kcg worker`: one worker of a group until `stop` aborts. Its configuration comes in `KCG_WORKER_CONFIG`.
 * @throws KcgError when it can never work as configured
 */
export async function runWorkerCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options } = parseOptions(workerOptions, argv, env);
  const config = configOf(env, options);
  const clock = systemClock;
  const name = options.podName ?? `local-${randomName(systemRandom, 8)}`;
  const log = createLog(options.logLevel).child({ worker: name });
  giveRegion(config, process.env);
  const handler = createHandler(config.handler, { clock, log });
  if (options.check) {
    // What is in a container of its own may come up later.
    if (handler.kind === 'module') await tellLoadedFiles(() => handler.start(stop), sayLoaded);
    return 0;
  }
  const logEvent = workerEventLog(log, clock);
  let worker: Worker | undefined;
  const metrics = metricsOf(() => worker);
  await listenForFunction(handler, metrics);
  const { registry } = metrics;
  const telemetry = await openWorkerTelemetry(env, config, { instance: name, ...options, registry, log });
  const server = await startWorkerServer({
    host: options.host,
    port: options.port,
    clock,
    worker: () => worker,
    functionHangs: () => handler.hangs ?? false,
    metrics: () => metrics.text(),
  });
  log.info('listening', { port: server.port });
  if (options.exitWithParent) stop = AbortSignal.any([stop, parentEnds(config)]);
  const clients = openClients(config, { format: FORMATS[options.kinesisFormat] });
  const { client, beatClient, stream, credentials, close } = clients;
  const destination = await destinationOf(config, { folder: options.givenUpFolder, credentials });
  const onUnhandled = (reason: unknown) => endUnhandled(reason, env);
  process.on('unhandledRejection', onUnhandled);
  try {
    const place = { client, beatClient, clock, tableName: config.table, groupId: config.groupId };
    const table = await openTable({ ...place, onRequest: (name) => metrics.onRequest(name) }, log, stop);
    if (table === undefined) return 0;
    worker = new Worker({
      config,
      identity: identityOf(name, options, server.port),
      table,
      stream,
      handler,
      payloads: config.payload && (await openPayloads(config.payload)),
      destination,
      spans: telemetry.spans,
      nudge: httpNudge,
      clock,
      random: systemRandom,
      log,
      onEvent: (event) => {
        logEvent(event);
        metrics.onEvent(event);
      },
    });
    await worker.run(stop);
    return 0;
  } finally {
    process.off('unhandledRejection', onUnhandled);
    await handler.close();
    close();
    await destination?.close();
    await server.close();
    await telemetry.stop(); // its shards are handed over
  }
}

function metricsOf(worker: () => Worker | undefined): WorkerMetrics {
  return new WorkerMetrics({
    clock: systemClock,
    lag: () => worker()?.lag() ?? [],
    checkpointAges: () => worker()?.checkpointAges() ?? [],
  });
}

/** For `kcg dev`, which watches them. */
function sayLoaded(files: readonly string[]): void {
  process.stdout.write(`${JSON.stringify({ loaded: files })}\n`);
}

/** A function's container waits for it. */
async function listenForFunction(handler: Handler, { registry }: WorkerMetrics): Promise<void> {
  if (handler.counts) functionMetrics(registry, () => handler.counts!);
  await handler.listen?.();
}

function parentEnds({ handoffTimeoutMs }: WorkerConfig): AbortSignal {
  return endOfInput(handoffTimeoutMs + LAST_WRITES_MS);
}

/** Undefined: told to stop before there was one. */
function openTable(
  place: Parameters<typeof openLeaseTable>[0],
  log: Log,
  stop: AbortSignal,
): Promise<LeaseTable | undefined> {
  const waiting = 'the table cannot be reached yet';
  const opening = { clock: systemClock, random: systemRandom, log, waiting };
  return openPatiently(opening, stop, () => openLeaseTable(place, stop));
}

function configOf(
  env: NodeJS.ProcessEnv,
  { functionPort }: OptionValues<typeof workerOptions>,
): WorkerConfig {
  const config = decodeWorkerConfig(env[WORKER_CONFIG_ENV]);
  const { handler } = config;
  if (handler.type !== 'lambda') return config;
  return { ...config, handler: { ...handler, port: functionPort ?? handler.port } };
}

/**
 * Ends the process at once, as Node does by itself: nobody knows what else of a batch is half done, and what is not
 * checkpointed comes again. A stop in order would checkpoint it.
 */
function endUnhandled(reason: unknown, env: NodeJS.ProcessEnv): void {
  const error = unawaitedFailure(reason);
  if (error === undefined) throw reason;
  sayLastWords(error, env);
  process.exit(1);
}

/** Undefined: what is given up is told of, and gone. */
async function destinationOf(
  { onFailure, region }: WorkerConfig,
  { folder, credentials }: { folder: string | undefined; credentials: AwsCredentials },
): Promise<FailureDestination | undefined> {
  if (folder !== undefined) return folderDestination(folder);
  return onFailure && (await openDestination(onFailure, { region, clock: systemClock, credentials }));
}

function identityOf(
  worker: string,
  options: OptionValues<typeof workerOptions>,
  port: number,
): WorkerIdentity {
  const { podUid, podIp, nodeName: node, revision } = options;
  const restartedAt = Date.parse(options.restartedAt) || 0; // a text that is no time is nothing to order by
  return {
    worker,
    podUid,
    node,
    revision,
    restartedAt,
    address: hostPort(podIp, port),
  };
}
