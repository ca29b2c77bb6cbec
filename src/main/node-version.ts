import { KcgError } from '../lib/errors.ts';

/** The oldest that has all that is used; `engines` of package.json says the same. */
export const OLDEST_NODE = '22.21';

/** What is wrong with the Node that runs this, whose own words for what it lacks would tell nobody. */
export function nodeProblem(version: string): KcgError | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor = 0, leastMinor = 0] = OLDEST_NODE.split('.').map(Number);
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return undefined;
  return new KcgError('Unsupported', `kcg needs Node ${OLDEST_NODE} or later, and this is ${version}`, {
    fix: 'Install a newer one. A checkout of kcg has its own: node_modules/.bin/node src/main/cli.ts.',
  });
}
