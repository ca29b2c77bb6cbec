import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { count } from '../../src/lib/count.ts';
import { CLUSTER_HOME } from './find-programs.ts';

/** Programs that are built beside the cluster and need none. */
export type Tool = 'helm' | 'promtool' | 'kind';

const MINUTES: Record<Tool, number> = { helm: 2, promtool: 4, kind: 1 };

export function howToGet(tool: Tool): string {
  return `run "bash test/cluster/build ${tool}" (Go 1.26, ${count(MINUTES[tool], 'minute')}, once)`;
}

/** The pinned one that is built for the test cluster, else one on the PATH. */
export function findTool(tool: Tool): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(':').filter((folder) => folder !== '');
  return [join(CLUSTER_HOME, 'bin'), ...folders]
    .map((folder) => join(folder, tool))
    .find((program) => existsSync(program));
}

/**
 * Like `findTool`, but builds it under CI=true, where a missing one is a failure and not a reason to skip.
 * @throws Error under CI=true when the build fails
 */
export function requireToolInCi(tool: Tool): string | undefined {
  const found = findTool(tool);
  if (found !== undefined || process.env['CI'] !== 'true') return found;
  spawnSync('bash', [join(import.meta.dirname, 'build'), tool], { stdio: ['ignore', 2, 2] });
  const built = findTool(tool);
  if (built === undefined) throw new Error(`${tool} is missing, and test/cluster/build failed: see above`);
  return built;
}
