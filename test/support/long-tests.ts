/**
 * A line that says how to run the tests named `*.long.test.ts`, when they are left out. They run under CI=true and
 * KCG_LONG=1, and when a file of theirs is asked for by name.
 */
export function longTestsLeftOut(env: NodeJS.ProcessEnv, argv: readonly string[]): string | undefined {
  const wanted =
    env['CI'] === 'true' || env['KCG_LONG'] === '1' || argv.some((argument) => argument.includes('.long.'));
  return wanted
    ? undefined
    : 'long tests (*.long.test.ts: minutes each) are left out: KCG_LONG=1 runs them, CI=true too';
}
