import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Runs `work` and gives the files that were loaded meanwhile, those of packages left out, also when it throws. */
export async function tellLoadedFiles(
  work: () => Promise<void>,
  tell: (files: string[]) => void,
): Promise<void> {
  const files = new Set<string>();
  const hooks = registerHooks({
    load: (url, context, next) => {
      if (url.startsWith('file:') && !url.includes('/node_modules/')) files.add(fileURLToPath(url));
      return next(url, context);
    },
  });
  try {
    await work();
  } finally {
    hooks.deregister();
    tell([...files]);
  }
}
