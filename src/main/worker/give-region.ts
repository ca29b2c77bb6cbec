import type { WorkerConfig } from '../../api/worker-config.ts';

/** To the code of a module or a program, which may have been written for Lambda or for KCL: its AWS clients find their region in
 * the environment there. */
export function giveRegion({ handler, region }: WorkerConfig, env: NodeJS.ProcessEnv): void {
  if (handler.type === 'module' || handler.type === 'exec') env['AWS_REGION'] ||= region;
}
