import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../lib/clock.ts';
import { createLog, type LogLevel } from '../../lib/log.ts';
import { systemRandom } from '../../lib/random.ts';
import {
  LOCAL_CREDENTIALS,
  startLocalMode,
  type LocalMode,
  type LocalModeOptions,
} from '../../dev/local-mode.ts';
import type { ServerCertificate } from '../../dev/tls/certificate.ts';
import { sdkAwsAccount } from '../operator/aws-account.ts';

export interface LocalOptions {
  shards: number;
  kinesisPort?: number;
  dynamodbPort?: number;
  certificate?: ServerCertificate | undefined;
  logLevel: LogLevel;
  onOperatorLine: (line: string) => void;
  onWorkerLine: (pod: string, line: string) => void;
  /** Where workers write the batches that they give up; undefined: where their group says. */
  givenUpFolder?: string;
  onLook?: LocalModeOptions['onLook'];
  onReady?: LocalModeOptions['onReady'];
}

/** Local mode on this machine's clock, with this very program as the worker. */
export function startLocal(options: LocalOptions): Promise<LocalMode> {
  // Never a real account: whatever credentials the shell has, the local servers are called with these.
  Object.assign(process.env, LOCAL_CREDENTIALS);
  delete process.env['AWS_SESSION_TOKEN'];
  delete process.env['AWS_PROFILE'];
  const clock = systemClock;
  return startLocalMode({
    clock,
    random: systemRandom,
    log: createLog(options.logLevel, (line) => options.onOperatorLine(line.trimEnd())),
    aws: sdkAwsAccount(clock),
    workerCommand: workerCommand(options.givenUpFolder),
    ...options,
  });
}

/** Program and arguments that run `kcg worker`. */
export function workerCommand(givenUpFolder?: string): string[] {
  const folder = givenUpFolder === undefined ? [] : [`--given-up-folder=${givenUpFolder}`];
  return [process.execPath, entryPoint(), 'worker', ...folder];
}

/** The bundle, or `cli.ts` of the folder above in a checkout. */
function entryPoint(): string {
  const self = fileURLToPath(import.meta.url);
  if (basename(self) === 'start-local.ts') return join(dirname(self), '../cli.ts');
  return process.argv[1] ?? self;
}
