/** CI=true and KCG_LONG=1 ask for what takes minutes: files named `*.long.test.ts`, and more seeds of the simulation. */
export function wantsLongTests(env: NodeJS.ProcessEnv): boolean {
  return env['CI'] === 'true' || env['KCG_LONG'] === '1';
}

/** A line that says how to run the long tests, when they are left out. They run too when a file of theirs is asked for by name. */
export function longTestsLeftOut(env: NodeJS.ProcessEnv, argv: readonly string[]): string | undefined {
  const isNamed = argv.some((argument) => argument.includes('.long.'));
  return wantsLongTests(env) || isNamed
    ? undefined
    : 'long tests (*.long.test.ts: minutes each) are left out: KCG_LONG=1 runs them, CI=true too';
}
