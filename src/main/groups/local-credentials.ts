import { LOCAL_CREDENTIALS } from '../../dev/local-mode.ts';

/** Local mode and emulators take any region: who names their servers need not name one. */
export const ANY_REGION = 'us-east-1';

/** A server on this machine is local mode or an emulator. */
export function isLocalServer(endpoint: string | undefined): boolean {
  if (endpoint === undefined || !URL.canParse(endpoint)) return false;
  return ['localhost', '127.0.0.1', '[::1]'].includes(new URL(endpoint).hostname);
}

/** They take any credentials. */
export function useLocalCredentials(
  endpoints: readonly (string | undefined)[],
  env: NodeJS.ProcessEnv,
): void {
  if (endpoints.some(isLocalServer) && !env['AWS_ACCESS_KEY_ID'] && !env['AWS_PROFILE'])
    Object.assign(process.env, LOCAL_CREDENTIALS);
}
