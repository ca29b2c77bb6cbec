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

/**
 * The files of a minute and more, as CI's tables of the slowest say, in the order in which they begin: the two of ten minutes, and then by
 * length, but those that mostly wait before those that compute, for as long as the nodes' tests want their share of the machine.
 */
export const LONGEST = [
  'test/soak/soak.long',
  'test/node/nodes.node.long',
  'test/crash/servers/crash-points.cluster.long',
  'test/operator/operator-process.cluster',
  'test/dev/peers/kcl.long',
  'test/operator/operator-restart.cluster',
  'test/docs/commands.cluster.long',
  'test/docs/commands.local.long',
  'test/dev/lag-scaling.local.long',
  'test/operator/gitops/verdicts.cluster.long',
  'test/model/large-cases.sim.long',
  'test/chart/rights.cluster.long',
  'test/dev/peers/services.long',
  'test/operator/operator-deletion.cluster',
  'test/image/image.long',
  'test/runtime/handlers/lambda/clients.long',
  'test/chaos/network.local',
  'test/sim/group.sim',
].map((name) => `${name}.test.ts`);
