import { vi } from 'vitest';
import { runCommand } from '../../src/main/run-command.ts';

export interface CommandRun {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command in this process, which costs a hundredth of a process of its own. One at a time: it owns the process's output. */
export async function kcgHere(argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CommandRun> {
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
  try {
    const code = await runCommand(argv, env, new AbortController().signal);
    return { code, stdout, stderr };
  } finally {
    out.mockRestore();
    err.mockRestore();
  }
}
