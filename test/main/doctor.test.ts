import { existsSync } from 'node:fs';
import { expect, onTestFinished, test, vi } from 'vitest';
import { groupCrd, offsetResetCrd } from '../../src/api/crd.ts';
import { doctorOptions } from '../../src/cli/doctor.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { parseOptions } from '../../src/lib/options.ts';
import { diagnoseCluster } from '../../src/main/verbs/doctor-cluster.ts';
import type { UserCluster } from '../../src/main/groups/user-cluster.ts';
import { kcgHere } from '../support/kcg-here.ts';

/** A cluster that has these definitions, no operator, and refuses these rights. */
function aCluster(crds: readonly { metadata: { name: string } }[], refused: readonly string[] = []) {
  return {
    namespace: 'shop',
    explain: (thrown: unknown) => KcgError.from(thrown),
    cluster: {
      get: async (_: unknown, { name }: { name: string }) =>
        crds.find(({ metadata }) => metadata.name === name),
      now: async () => undefined,
    },
    calls: {
      select: async () => [],
      mayI: async ({ verb, resource }: Record<string, string>) => !refused.includes(`${verb} ${resource}`),
    },
  } as unknown as UserCluster;
}
async function checks(found: UserCluster, what: string) {
  const { options } = parseOptions(doctorOptions, [], {});
  const all = await diagnoseCluster(found, options, new AbortController().signal);
  return all.filter((check) => check.what === what);
}
const without = (crd: object, field: string) =>
  JSON.parse(
    JSON.stringify(crd, (name, value: unknown) => (name === field ? undefined : value)),
  ) as ReturnType<typeof groupCrd>;

test('both definitions have to be there, and as new as this program', async () => {
  expect(await checks(aCluster([groupCrd(), offsetResetCrd()]), 'CRD')).toEqual([
    { result: 'ok', what: 'CRD', found: 'installed' },
  ]);
  expect(await checks(aCluster([without(groupCrd(), 'batchSize')]), 'CRD')).toMatchObject([
    { result: 'warning', found: expect.stringMatching(/^KinesisConsumerGroup is older .*batchSize\)$/) },
    { result: 'failed', found: 'KinesisOffsetReset is not installed' },
  ]);
});

test('definitions are installed from a folder that is there', async () => {
  const [check] = await checks(aCluster([]), 'CRD');
  expect(existsSync(/-f ([^\s,]+)/.exec(check?.next ?? '')?.[1] ?? '')).toBe(true);
});

test('the rights are those of kcg reset too', async () => {
  const verbs = ['get', 'list', 'create', 'patch'];
  const refused = verbs.map((verb) => `${verb} kinesisoffsetresets`);
  const found = await checks(aCluster([], refused), 'rights');
  expect(found.map((check) => check.found).toSorted()).toEqual(
    refused.map((right) => `you may not ${right} in namespace shop`).toSorted(),
  );
  expect(found.every(({ next }) => next?.startsWith('Needed for: reset'))).toBe(true);
});

test('a cluster that was named has to be there; that there is none is only told', async () => {
  vi.stubEnv('KUBECONFIG', '/none');
  onTestFinished(() => void vi.unstubAllEnvs());
  const named = await kcgHere(['doctor', '--kubeconfig', '/none']);
  expect(named).toMatchObject({ code: 1, stdout: expect.stringMatching(/failed +Kubernetes +/) as string });
  expect((await kcgHere(['doctor'])).stdout).toMatch(/unknown +Kubernetes +/);
});

test('servers of this machine take any credentials, as with all other commands', async () => {
  onTestFinished(() => void vi.unstubAllEnvs());
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE']) vi.stubEnv(name, '');
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  const line = 'doctor --dynamodb-endpoint http://127.0.0.1:9 --kubeconfig /nowhere';
  expect((await kcgHere(line.split(' '))).stdout).toMatch(/ok +AWS +credentials are there/);
});
