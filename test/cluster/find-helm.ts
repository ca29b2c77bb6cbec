import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CLUSTER_HOME } from './find-programs.ts';

export const HOW_TO_GET_HELM = 'run "bash test/cluster/build helm" (Go 1.26, 2 minutes, once)';

/** The pinned Helm that is built for the test cluster, else one on the PATH. */
export function findHelm(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(':').filter((folder) => folder !== '');
  return [join(CLUSTER_HOME, 'bin'), ...folders]
    .map((folder) => join(folder, 'helm'))
    .find((program) => existsSync(program));
}

/**
 * Like `findHelm`, but builds it under CI=true, where a missing Helm is a failure and not a reason to skip.
 * @throws Error under CI=true when the build fails
 */
export function requireHelmInCi(): string | undefined {
  const found = findHelm();
  if (found !== undefined || process.env['CI'] !== 'true') return found;
  spawnSync('bash', [join(import.meta.dirname, 'build'), 'helm'], { stdio: ['ignore', 2, 2] });
  const built = findHelm();
  if (built === undefined) throw new Error('Helm is missing, and test/cluster/build failed: see above');
  return built;
}
