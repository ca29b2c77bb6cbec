import { execFileSync } from 'node:child_process';

/**
 * When and of what it is made, the same in each build of one commit: what `git` says, or packagers of distributions in
 * `SOURCE_DATE_EPOCH` (seconds).
 * @param git output of a git command, nothing where there is no repository
 * @throws Error when `SOURCE_DATE_EPOCH` is no number
 */
export function provenanceOf(
  env: NodeJS.ProcessEnv,
  git: (...args: string[]) => string | undefined,
): { created?: string; revision?: string } {
  const seconds = env['SOURCE_DATE_EPOCH'] || git('log', '-1', '--format=%ct');
  if (seconds && !/^\d{1,11}$/.test(seconds))
    throw new Error(`SOURCE_DATE_EPOCH=${seconds} is no number of seconds`);
  const commit = git('rev-parse', 'HEAD');
  const isChanged = commit !== undefined && git('status', '--porcelain') !== '';
  return {
    ...(seconds ? { created: new Date(Number(seconds) * 1000).toISOString().replace('.000Z', 'Z') } : {}),
    ...(commit ? { revision: isChanged ? `${commit}-dirty` : commit } : {}),
  };
}

export function gitIn(cwd: string): (...args: string[]) => string | undefined {
  return (...args) => {
    try {
      return execFileSync('git', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    } catch {
      return undefined;
    }
  };
}
