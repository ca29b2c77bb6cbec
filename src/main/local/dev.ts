import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { KinesisConsumerGroup } from '../../api/group.ts';
import { checkHandler } from '../../dev/check-handler.ts';
import { DemoScreen } from '../../dev/demo/demo-screen.ts';
import { readGroups } from '../../dev/group-file.ts';
import { systemClock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import { parseOptions, type OptionTable } from '../../lib/options.ts';
import type { LocalMode } from '../../dev/local-mode.ts';
import { stampsOf } from '../../dev/watch-files.ts';
import { openCertificate } from '../../dev/tls/certificate-files.ts';
import { readableLogLine } from '../../view/log-line.ts';
import { logLevelOption } from '../log-level-option.ts';
import { localDashboard } from '../dashboard.ts';
import { hintsFor, redriveHint } from './dev-hints.ts';
import { followFile, type FollowOptions } from './follow-file.ts';
import { reloadOnChange, type ReloadOptions } from './reload.ts';
import type { RunningGroup } from './running-group.ts';
import { startLocal, workerCommand } from './start-local.ts';

const port = { type: 'number', default: 0, min: 0, max: 65_535 } as const;

export const devOptions = {
  file: {
    type: 'string',
    short: 'f',
    description: 'YAML file with the group (or groups) to run; - = standard input',
  },
  shards: { type: 'number', description: 'shards of a stream that is created', default: 4, min: 1, max: 100 },
  'kinesis-port': { ...port, description: 'port of the local Kinesis; 0 = any free one' },
  'dynamodb-port': { ...port, description: 'port of the local DynamoDB; 0 = any free one' },
  tls: {
    type: 'boolean',
    description: 'answer TLS as well, with a certificate that is made once and named for clients to trust',
  },
  'dashboard-port': { ...port, description: 'port of the dashboard; 0 = any free one' },
  'no-dashboard': { type: 'boolean', description: 'serve no dashboard' },
  'given-up': {
    type: 'string',
    description: 'folder for batches that are given up; default: given-up beside the group file',
  },
  quiet: { type: 'boolean', short: 'q', description: 'do not print what workers log' },
  'log-level': { ...logLevelOption, description: 'least level the operator logs', default: 'warn' },
} as const satisfies OptionTable;

/** `kcg dev`: the group of a file on this machine, until Ctrl-C. */
export async function runDevCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  stop: AbortSignal,
): Promise<number> {
  const { options } = parseOptions(devOptions, argv, env);
  if (options.file === undefined)
    throw new KcgError('InvalidInput', 'dev needs the group file', { fix: 'Run kcg dev -f group.yaml.' });
  const since = stampsOf(options.file === '-' ? [] : [options.file]);
  const groups = await readGroups(options.file);
  for (const group of groups) requireCommand(group);
  const check = (group: KinesisConsumerGroup) =>
    checkHandler(group, { command: workerCommand(), env, signal: stop });
  const loaded: LoadedGroup[] = [];
  for (const group of groups) {
    const { files, problem } = await check(group);
    if (problem) throw problem;
    loaded.push({ running: { group, changes: 0 }, files, filesSince: stampsOf(files) });
  }
  const out = (text: string) => process.stdout.write(text);
  const isTerminal = process.stdout.isTTY && !env['NO_COLOR'];
  const screen = new DemoScreen({ clock: systemClock, out, isTerminal });
  const log = (source: string, line: string) =>
    screen.say(readableLogLine(line, { source, colour: isTerminal }));
  const certificate = options.tls
    ? await openCertificate(join(cacheFolder(env), 'tls'), systemClock.now())
    : undefined;
  const beside = options.file === '-' ? '.' : dirname(options.file);
  const givenUpFolder = resolve(options.givenUp ?? join(beside, 'given-up'));
  const dashboard = options.noDashboard ? undefined : localDashboard(options.dashboardPort);
  const local = await startLocal({
    onLook: dashboard?.onLook,
    onReady: dashboard?.onReady,
    certificate,
    givenUpFolder,
    shards: options.shards,
    kinesisPort: options.kinesisPort,
    dynamodbPort: options.dynamodbPort,
    logLevel: options.logLevel,
    onOperatorLine: (line) => log('operator', line),
    onWorkerLine: (pod, line) => {
      if (!options.quiet) log(pod, line);
    },
  });
  const dashboardUrl = await dashboard?.serve(local.cluster).catch(async (thrown: unknown) => {
    await local.stop();
    throw thrown;
  });
  const ended = new AbortController();
  const told = { file: options.file, groups: groups.length, local, givenUpFolder };
  const showing = screen.run(local, ended.signal, (group) => redriveHint(group, told));
  try {
    for (const line of addresses(local, certificate?.caFile)) screen.say(line);
    if (dashboardUrl) screen.say(`dashboard       ${dashboardUrl}`);
    for (const group of groups) {
      await local.apply(group);
      for (const hint of hintsFor(group, told)) screen.say(hint);
    }
    const say = (line: string) => screen.say(line);
    await followChanges(loaded, { file: options.file, since, check, local, say }, stop);
    return 0;
  } finally {
    screen.say('stopping: workers drain, then the servers; Ctrl-C once more stops at once');
    ended.abort();
    await showing;
    await dashboard?.close();
    await local.stop();
  }
}

interface LoadedGroup {
  running: RunningGroup;
  /** Of its module. */
  files: readonly string[];
  filesSince: ReadonlyMap<string, string>;
}

/** Takes up what changes in the group file and in modules, until `stop` aborts. */
async function followChanges(
  loaded: readonly LoadedGroup[],
  by: Pick<ReloadOptions, 'check' | 'local' | 'say'> & Pick<FollowOptions, 'file' | 'since'>,
  stop: AbortSignal,
): Promise<void> {
  const running = loaded.map((each) => each.running);
  await Promise.all([
    systemClock.sleep(Infinity, { signal: stop }),
    ...loaded.map((each) => reloadOnChange({ ...each, ...by }, stop)),
    followFile({ ...by, running, require: requireCommand }, stop),
  ]);
}

function addresses({ kinesis, dynamodb }: LocalMode, caFile: string | undefined): string[] {
  const of = ({ endpoint, tlsEndpoint }: LocalMode['kinesis' | 'dynamodb']) =>
    tlsEndpoint === undefined ? endpoint : `${endpoint}  ${tlsEndpoint}`;
  const trust = `AWS_CA_BUNDLE=${caFile} NODE_EXTRA_CA_CERTS=${caFile} SSL_CERT_FILE=${caFile}`;
  return [
    `local Kinesis   ${of(kinesis)}`,
    `local DynamoDB  ${of(dynamodb)}`,
    'Any AWS SDK or CLI can use them; the credentials are AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local.',
    ...(caFile === undefined ? [] : [`To trust them:  ${trust}`]),
  ];
}

/** There are no images here. */
function requireCommand({ metadata, spec: { handler } }: KinesisConsumerGroup): void {
  if (!handler.lambda || handler.lambda.command) return;
  throw new KcgError(
    'InvalidInput',
    `${metadata.name}: spec.handler.lambda has no command for "kcg dev" to run`,
    {
      fix: 'Name the program that runs the function, as command: [python3, -m, awslambdaric, app.handler].',
    },
  );
}

/** As programs on this system keep what they can make again. */
function cacheFolder(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'kcg');
}
