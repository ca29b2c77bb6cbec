import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { regionOfArn } from '../../api/arn.ts';
import { groupNames } from '../../cli/group-options.ts';
import {
  groupIdOf,
  regionOf,
  streamNameOf,
  tableNameOf,
  type KinesisConsumerGroup,
} from '../../api/group.ts';
import { decodeWorkerConfig, WORKER_CONFIG_ENV, type WorkerConfig } from '../../api/worker-config.ts';
import { awsCredentials } from '../../aws/credentials.ts';
import { regionFrom } from '../../aws/region-from.ts';
import { clusterOptions } from '../../cli/cluster-options.ts';
import { pickGroup, requireOneSource } from '../../cli/leases.ts';
import { readGroups } from '../../dev/group-file.ts';
import type { UserRecord } from '../../kinesis/record.ts';
import { abortError, alarm, systemClock, withDeadline, type Clock } from '../../lib/clock.ts';
import { count } from '../../lib/count.ts';
import { KcgError } from '../../lib/errors.ts';
import { createLog, type Log } from '../../lib/log.ts';
import { parseOptions, type OptionTable, type OptionValues } from '../../lib/options.ts';
import { systemRandom } from '../../lib/random.ts';
import { workerConfigOf } from '../../operator/plan/workload/worker-config-of.ts';
import { recordFilter } from '../../runtime/delivery/record-filter.ts';
import { resultOfEmulator } from '../../runtime/handlers/answer-meaning.ts';
import { createHandler } from '../../runtime/handlers/create-handler.ts';
import { httpHandler } from '../../runtime/handlers/http-handler.ts';
import { openPayloads } from '../../runtime/payload/payloads.ts';
import { openStore, storeOf } from '../../runtime/redrive/open-store.ts';
import { redrive, type RedriveResult } from '../../runtime/redrive/redrive.ts';
import { giveRegion } from '../worker/give-region.ts';
import { ANY_REGION, useLocalCredentials } from '../groups/local-credentials.ts';
import { readWholeGroup } from '../groups/named-group.ts';
import { PRINCIPAL, userStreamClient } from '../groups/user-aws.ts';

export const redriveOptions = {
  file: { type: 'string', short: 'f', description: 'YAML file of the group' },
  group: { type: 'string', description: 'id or name of the group, when the file has several' },
  from: {
    type: 'string',
    description:
      "URL or ARN of a queue, s3://bucket/prefix, a folder or a file; default: the group's onFailure",
  },
  'dry-run': { type: 'boolean', description: 'find the records, and hand over and remove nothing' },
  'accept-loss': {
    type: 'boolean',
    description: 'of batches of which records are gone, hand over the others and remove them',
  },
  url: {
    type: 'url',
    description:
      "where batches are posted to; default: the port and path of the group's http handler on this machine",
  },
  module: {
    type: 'string',
    description: "file of the handler; default: the path of the group's module handler",
  },
  region: { type: 'string', description: "AWS region; default: the group's, then AWS_REGION" },
  'kinesis-endpoint': { type: 'url', description: 'URL of Kinesis, such as the one "kcg dev" prints' },
  'from-endpoint': { type: 'url', description: 'URL of SQS or S3, for emulators and VPC endpoints' },
  ...clusterOptions,
} as const satisfies OptionTable;

type Options = OptionValues<typeof redriveOptions>;

/** An application that is there answers at once. */
const START_MS = 30_000;
const SILENT_MS = 2_000;

/**
 * `kcg redrive`: hands what was given up to the group's handler again. In a pod of the group it needs no name.
 * @throws KcgError when the group, the stream, the store or the handler cannot be used
 */
export async function runRedriveCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options, positionals } = parseOptions(redriveOptions, argv, env, groupNames(1));
  const given = await configOf(positionals[0], options, { env, signal: stop });
  const config = overridden(given, options);
  useLocalCredentials([config.endpoints.kinesis], env);
  if (!options.dryRun) await requireHandler(config.handler);
  const { groupId, region, endpoints, onFailure } = config;
  const from = storeOf(options.from, { onFailure, groupId, region });
  const { fromEndpoint: endpoint } = options;
  const at = endpoint === undefined || from.type === 'folder' ? from : { ...from, endpoint };
  const clock = systemClock;
  const credentials = awsCredentials({ clock });
  const { name: streamName, arn: streamArn } = config.stream;
  const stream = userStreamClient({
    region,
    endpoint: endpoints.kinesis,
    streamName,
    streamArn,
    credentials,
  });
  const log = createLog('warn', (line) => process.stderr.write(line));
  giveRegion(config, process.env);
  const handler = handlerFor(config, given, { clock, log });
  const store = await openStore(at, { region, clock, credentials, principal: PRINCIPAL });
  try {
    const summary = await stream.describe({ signal: stop });
    if (!options.dryRun) await startHandler(handler, config.handler, stop);
    say(`${store.name}, for group ${groupId}`);
    const result = await redrive({
      store,
      stream,
      summary,
      handler,
      clock,
      log,
      random: systemRandom,
      signal: stop,
      groupId,
      region,
      batchSize: config.batchSize,
      timeoutMs: config.handlerTimeoutMs,
      dryRun: options.dryRun,
      acceptLoss: options.acceptLoss,
      passes: passesOf(config, summary.arn),
      payloads: config.payload && (await openPayloads(config.payload)),
      onLine: say,
    });
    say(inWords(result, options.dryRun));
    if (stop.aborted) throw abortError(stop);
    return result.failed + result.gone > 0 ? 1 : 0;
  } finally {
    await handler.close();
    await store.close();
    stream.close();
  }
}

/** @throws KcgError when it cannot be called from here */
async function requireHandler(handler: WorkerConfig['handler']): Promise<void> {
  // It asks its own worker.
  if (handler.type === 'lambda')
    throw new KcgError('InvalidInput', 'redrive cannot hand batches to a function of handler.lambda', {
      fix: 'Run the function with the emulator of its image and name that: --url http://127.0.0.1:9000/2015-03-31/functions/function/invocations.',
    });
  if (handler.type !== 'module') return;
  const found = await stat(handler.path).catch(() => undefined);
  if (!found?.isFile())
    throw new KcgError(
      'InvalidInput',
      `handler module ${handler.path} ${found ? 'is not a file' : 'does not exist'} here`,
      { fix: 'Name its file with --module, or run this in a pod of the group (kubectl exec).' },
    );
}

/** A function answers its emulator as it answers its worker. */
function handlerFor(
  { handler }: WorkerConfig,
  given: WorkerConfig,
  by: { clock: Clock; log: Log },
): ReturnType<typeof createHandler> {
  const isEmulator = given.handler.type === 'lambda' && handler.type === 'http';
  return isEmulator
    ? httpHandler({ url: handler.url, meaningOf: resultOfEmulator, ...by })
    : createHandler(handler, by);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function inWords({ done, records, failed, gone, others }: RedriveResult, dryRun: boolean): string {
  const parts = [
    `${count(records, 'record')} of ${done} ${done === 1 ? 'batch' : 'batches'} ${dryRun ? 'to redrive' : 'redriven'}`,
  ];
  if (failed > 0) parts.push(`${failed} failed and left there`);
  if (gone > 0) parts.push(`${gone} gone and left there`);
  if (others > 0) parts.push(`${others} of others left there`);
  return parts.join(', ');
}

/** By the filters of today: what they drop counts as processed. */
function passesOf({ filters, region }: WorkerConfig, streamArn: string) {
  return (record: UserRecord, shardId: string) =>
    filters === undefined || recordFilter(filters, { shardId, region, streamArn })(record);
}

async function startHandler(
  handler: ReturnType<typeof createHandler>,
  config: WorkerConfig['handler'],
  stop: AbortSignal,
): Promise<void> {
  const bound = { what: 'the start of the handler', signal: stop };
  const hush = alarm(systemClock, SILENT_MS, () => {
    if (config.type === 'http') say(`waiting for ${config.url} to answer, ${START_MS / 1_000} s at most`);
  });
  try {
    await withDeadline(systemClock, START_MS, bound, (signal) => handler.start(signal));
  } catch (thrown) {
    if (config.type !== 'http' || KcgError.from(thrown).code !== 'Timeout') throw thrown;
    throw new KcgError('Timeout', `nothing answers at ${config.url}`, {
      cause: thrown,
      fix: 'Run it in a pod of the group (kubectl exec), or forward its port (kubectl port-forward) and name it with --url.',
    });
  } finally {
    hush();
  }
}

async function configOf(
  name: string | undefined,
  options: Options,
  by: { env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<WorkerConfig> {
  requireOneSource('redrive', name, options);
  if (name !== undefined) return ofGroup(await readWholeGroup(name, options, by), options, by.env);
  const { file, group } = options;
  if (file !== undefined) return ofGroup(pickGroup(file, await readGroups(file), group), options, by.env);
  const own = by.env[WORKER_CONFIG_ENV];
  if (own) return decodeWorkerConfig(own);
  throw new KcgError('InvalidInput', 'redrive needs to know the group', {
    fix: 'Run kcg redrive NAME -n NAMESPACE or kcg redrive -f group.yaml, or run it in a pod of the group.',
  });
}

function ofGroup(group: KinesisConsumerGroup, options: Options, env: NodeJS.ProcessEnv): WorkerConfig {
  const stream = group.status?.stream;
  const region =
    options.region ??
    regionOf(group, regionOfArn(stream?.arn)) ??
    regionFrom(env) ??
    ((options.kinesisEndpoint ?? group.spec.endpoints.kinesis) ? ANY_REGION : undefined);
  if (region === undefined)
    throw new KcgError('InvalidInput', 'no AWS region is set', { fix: 'Name it with --region.' });
  const { arn } = group.spec.stream;
  return workerConfigOf(group, {
    groupId: groupIdOf(group),
    region,
    stream: { name: streamNameOf(group), ...(arn === undefined ? {} : { arn }) },
    endpoints: group.spec.endpoints,
    table: tableNameOf(group),
  });
}

function overridden(config: WorkerConfig, { url, module, kinesisEndpoint, region }: Options): WorkerConfig {
  const handler: WorkerConfig['handler'] =
    url !== undefined
      ? { type: 'http', url }
      : module !== undefined
        ? { type: 'module', path: resolve(module), ...exportOf(config) }
        : config.handler;
  const endpoints =
    kinesisEndpoint === undefined ? config.endpoints : { ...config.endpoints, kinesis: kinesisEndpoint };
  return { ...config, handler, endpoints, region: region ?? config.region };
}

/** Another version of the group's file is of the same form. */
function exportOf({ handler }: WorkerConfig): { export?: string } {
  return handler.type === 'module' && handler.export !== undefined ? { export: handler.export } : {};
}
