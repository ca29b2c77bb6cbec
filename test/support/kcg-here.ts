import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { vi } from 'vitest';
import { runCommand } from '../../src/main/run-command.ts';
import { KCG } from './kcg-program.ts';

export interface CommandRun {
  code: number;
  stdout: string;
  stderr: string;
}

/**
 * Runs a command in this process, which costs a hundredth of a process of its own. One at a time: it owns the process's output, and its
 * HOME, where `env` has one: that is where a kubeconfig is looked for.
 */
export async function kcgHere(
  argv: readonly string[],
  env: NodeJS.ProcessEnv = {},
  stop = new AbortController().signal,
): Promise<CommandRun> {
  let stdout = '';
  let stderr = '';
  const out = vi.spyOn(process.stdout, 'write').mockImplementation((data) => {
    stdout += String(data);
    return true;
  });
  const err = vi.spyOn(process.stderr, 'write').mockImplementation((data) => {
    stderr += String(data);
    return true;
  });
  const { HOME = '' } = process.env;
  process.env['HOME'] = env['HOME'] ?? HOME;
  try {
    const code = await runCommand(argv, env, stop);
    return { code, stdout, stderr };
  } finally {
    process.env['HOME'] = HOME;
    out.mockRestore();
    err.mockRestore();
  }
}

/** The command as a program of this tree, for a shell that has the folder in its PATH. */
export function writeProgram(folder: string, name = 'kcg'): void {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\nexec "${process.execPath}" "${KCG}" "$@"\n`);
  chmodSync(path, 0o755);
}
