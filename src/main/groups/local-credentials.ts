import { LOCAL_CREDENTIALS } from '../../dev/local-mode.ts';

/** A server on this machine is local mode or an emulator, which take any credentials. */
export function useLocalCredentials(
  endpoints: readonly (string | undefined)[],
  env: NodeJS.ProcessEnv,
): void {
  const isLocal = endpoints.some(
    (endpoint) =>
      endpoint !== undefined && ['localhost', '127.0.0.1', '[::1]'].includes(new URL(endpoint).hostname),
  );
  if (isLocal && !env['AWS_ACCESS_KEY_ID'] && !env['AWS_PROFILE'])
    Object.assign(process.env, LOCAL_CREDENTIALS);
}
