import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import { ExecProgram } from './exec-program.ts';
import { failed } from './batch-item-failures.ts';
import type { Handler, ProgramContext, ShardProgram } from './handler.ts';

export interface ExecHandlerOptions {
  /** Program and arguments. */
  command: readonly string[];
  /** What programs are started with. */
  env: NodeJS.ProcessEnv;
  clock: Clock;
}

/** Runs a program written for KCL's MultiLangDaemon, a process for each shard. */
export function execHandler({ command, env, clock }: ExecHandlerOptions): Handler {
  /** Of each shard, the end of its last process. */
  const last = new Map<string, Promise<void>>();
  const running = new Set<ShardProgram>();
  return {
    kind: 'exec',
    start: () => requireProgram(command[0] ?? '', env),
    handle: async () => failed('a program is given records by its shard', undefined),
    open(context: ProgramContext) {
      const over = Promise.withResolvers<void>();
      const before = last.get(context.shardId) ?? Promise.resolve();
      const program = new ExecProgram({ command, env, clock, context, before });
      let closing: Promise<void> | undefined;
      const closedOnce: ShardProgram = {
        broken: program.broken,
        start: (signal) => program.start(signal),
        handle: (batch, about) => program.handle(batch, about),
        shardEnded: (signal) => program.shardEnded(signal),
        shutdownRequested: (signal) => program.shutdownRequested(signal),
        close(reason) {
          closing ??= program.close(reason).finally(() => {
            running.delete(closedOnce);
            // One that was closed before it began may have one before it that still ends.
            void before.then(() => {
              over.resolve();
              if (last.get(context.shardId) === over.promise) last.delete(context.shardId);
            });
          });
          return closing;
        },
      };
      last.set(context.shardId, over.promise);
      running.add(closedOnce);
      return closedOnce;
    },
    async close() {
      await Promise.all([...running].map((program) => program.close('LeaseLost')));
    },
  };
}

/** @throws KcgError `InvalidInput` when there is no such program */
async function requireProgram(program: string, env: NodeJS.ProcessEnv): Promise<void> {
  const isPath = program.includes('/');
  const folders = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const places = isPath ? [program] : folders.map((folder) => join(folder, program));
  let problem = isPath
    ? 'does not exist'
    : `is in no folder of PATH (${folders.join(', ') || 'which is empty'})`;
  for (const place of places) {
    const found = await stat(place).catch(() => undefined);
    if (found === undefined) continue;
    if (!found.isFile()) problem = `is not a file (${place})`;
    else if (await mayExecute(place)) return;
    else problem = `may not be executed (${place})`;
  }
  const isLine = /\s/.test(program.trim());
  throw new KcgError('InvalidInput', `the program ${program} of handler.exec ${problem}`, {
    fix: isLine
      ? `No shell parts spec.handler.exec.command: write each argument as an entry of its own, [${program.trim().split(/\s+/).join(', ')}].`
      : 'Set spec.handler.exec.command to a program in the image of the container, with its path where it is not in PATH.',
  });
}

async function mayExecute(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
