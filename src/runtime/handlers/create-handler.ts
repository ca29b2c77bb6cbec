import type { WorkerConfig } from '../../api/worker-config.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../lib/log.ts';
import { execHandler } from './exec-handler.ts';
import type { Handler } from './handler.ts';
import { httpHandler } from './http-handler.ts';
import { lambdaHandler } from './lambda/lambda-handler.ts';
import { logHandler } from './log-handler.ts';
import { moduleHandler } from './module-handler.ts';

/** Loads and calls nothing yet: a wrong path or URL shows at `start`. */
export function createHandler(config: WorkerConfig['handler'], deps: { clock: Clock; log: Log }): Handler {
  switch (config.type) {
    case 'log':
      return logHandler;
    case 'module':
      return moduleHandler({ path: config.path, exportName: config.export }, deps);
    case 'http':
      return httpHandler({ url: config.url, ...deps });
    case 'exec':
      return execHandler({ command: config.command, env: programEnv(process.env), ...deps });
    case 'lambda':
      return lambdaHandler({ ...config, ...deps });
  }
}

/** What is the worker's own is not the program's. */
function programEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('KCG_')));
}
