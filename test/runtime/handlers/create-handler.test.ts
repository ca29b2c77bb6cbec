import { expect, it } from 'vitest';
import type { WorkerConfig } from '../../../src/api/worker-config.ts';
import { createHandler } from '../../../src/runtime/handlers/create-handler.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const CONFIGS: WorkerConfig['handler'][] = [
  { type: 'log' },
  { type: 'module', path: '/app/handler.mjs' },
  { type: 'http', url: 'http://127.0.0.1:8080/' },
];

it.each(CONFIGS)('makes a $type handler', async (config) => {
  const handler = createHandler(config, { clock: new VirtualClock(), log: silentLog });
  expect(handler.kind).toBe(config.type);
  await handler.close();
});
