import { execFile, type ExecFileException } from 'node:child_process';
import { groupIdOf, streamNameOf, tableNameOf, type KinesisConsumerGroup } from '../api/group.ts';
import { encodeWorkerConfig, WORKER_CONFIG_ENV } from '../api/worker-config.ts';
import { KcgError } from '../lib/errors.ts';
import { workerConfigOf } from '../operator/plan/workload/worker-config-of.ts';

export interface CheckHandlerOptions {
  /** Program and arguments that run `kcg worker`. */
  command: readonly string[];
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
}

export interface HandlerCheck {
  /** Of a module: itself and what it imports, packages left out; with a problem, as far as it came. */
  files: readonly string[];
  /** `InvalidInput`, with what the worker says of it; undefined: it can be loaded. */
  problem: KcgError | undefined;
}

const TIMEOUT_SECONDS = 60;

/**
 * Loads the group's module as its workers will, in a process of its own: code that runs while a module is loaded has
 * nothing to do in this one. Of a program it is seen whether there is one.
 */
export async function checkHandler(
  group: KinesisConsumerGroup,
  { command: [program = process.execPath, ...args], env, signal }: CheckHandlerOptions,
): Promise<HandlerCheck> {
  const { module, exec } = group.spec.handler;
  if (!module && !exec) return { files: [], problem: undefined };
  const config = workerConfigOf(group, {
    groupId: groupIdOf(group),
    region: 'us-east-1',
    stream: { name: streamNameOf(group) },
    endpoints: {},
    table: tableNameOf(group),
  });
  let printed = '';
  const failure = await new Promise<(ExecFileException & { stderr: string }) | undefined>((resolve) => {
    const options = {
      env: { ...env, FORCE_COLOR: '0', [WORKER_CONFIG_ENV]: encodeWorkerConfig(config) },
      timeout: TIMEOUT_SECONDS * 1000,
      killSignal: 'SIGKILL' as const,
      signal,
    };
    execFile(program, [...args, '--check'], options, (error, stdout, stderr) => {
      printed = stdout;
      resolve(error ? Object.assign(error, { stderr }) : undefined);
    });
  });
  const files = loadedIn(printed);
  if (!failure || signal.aborted) return { files, problem: undefined };
  const what = problemOf(failure, module?.path ?? exec?.command[0] ?? '');
  return { files, problem: new KcgError('InvalidInput', what, { cause: failure }) };
}

/** The worker's last line; a module may print, too. */
function loadedIn(printed: string): string[] {
  const [, list] = /^\{"loaded":(\[.*\])\}$/m.exec(printed) ?? [];
  return list === undefined ? [] : (JSON.parse(list) as string[]);
}

function problemOf(failure: ExecFileException & { stderr: string }, path: string): string {
  const said = /^error: (.*)$/m.exec(failure.stderr)?.[1];
  if (said !== undefined) return said;
  const see = `See what "node ${path}" prints.`;
  if (failure.killed) return `handler module ${path} was not loaded after ${TIMEOUT_SECONDS} s. ${see}`;
  const last = /^\w*Error: .*$/m.exec(failure.stderr)?.[0];
  return `handler module ${path} ended the worker${last === undefined ? '' : `: ${last}`}. ${see}`;
}
