import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';

/**
 * Runs `work` and gives the files that were loaded meanwhile, those of packages left out, also when it throws: then with
 * those that were looked for and are not there.
 */
export async function tellLoadedFiles(
  work: () => Promise<void>,
  tell: (files: string[]) => void,
): Promise<void> {
  const files = new Set<string>();
  const add = (url: string) => {
    if (url.startsWith('file:') && !url.includes('/node_modules/')) files.add(fileURLToPath(url));
  };
  const hooks = registerHooks({
    resolve: (specifier, context, next) => {
      try {
        return next(specifier, context);
      } catch (thrown) {
        if (/^\.\.?\//.test(specifier)) add(new URL(specifier, context.parentURL).href);
        throw thrown;
      }
    },
    load: (url, context, next) => {
      add(url);
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
