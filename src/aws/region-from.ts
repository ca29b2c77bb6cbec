/** The region that the environment names: a variable that is empty is not set. */
export function regionFrom(env: NodeJS.ProcessEnv): string | undefined {
  return env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || undefined;
}
