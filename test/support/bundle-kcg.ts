import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle } from '../../scripts/bundle.ts';
import { BUNDLE_VARIABLE } from './kcg-program.ts';

/**
 * Before tests that start processes of `kcg`: it is bundled once for all of them. Hundreds are started, and each would spend most of a
 * second of CPU on loading a file per source and on compiling them. Projects run in one process and share it.
 */
export async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (process.env[BUNDLE_VARIABLE] !== undefined) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'kcg-bundle-'));
  await bundle(folder);
  process.env[BUNDLE_VARIABLE] = join(folder, 'kcg.mjs');
  process.env['NODE_COMPILE_CACHE'] ??= join(folder, 'compiled');
  return () => rm(folder, { recursive: true, force: true, maxRetries: 20 });
}
