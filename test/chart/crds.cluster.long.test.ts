import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { howToGet, requireToolInCi } from '../cluster/find-tool.ts';
import { startControlPlane, untilServed, type ControlPlane } from '../support/control-plane.ts';
import { printed } from '../support/kubectl.ts';
import { CHART, runHelm } from './render-chart.ts';

/* The definitions in the life of a release, by the real Helm on a real API server, with a group that is stored meanwhile. */

const helm = requireToolInCi('helm') ?? '';
if (helm === '') process.stderr.write(`skipped: definitions by Helm: ${howToGet('helm')}\n`);

interface Version {
  additionalPrinterColumns: { name: string }[];
}

const GROUP = `apiVersion: kcg.dev/v1alpha1
kind: KinesisConsumerGroup
metadata: {name: orders, namespace: default}
spec: {stream: {name: orders}, region: eu-west-1, handler: {log: {}}}
`;
const CRD = 'crd/kinesisconsumergroups.kcg.dev';

describe.skipIf(helm === '')('with Helm', () => {
  let plane: ControlPlane;
  /** A chart of an earlier version: its definition has one column less. */
  const older = mkdtempSync(join(tmpdir(), 'kcg-chart-'));

  beforeAll(async () => {
    plane = await startControlPlane();
    cpSync(CHART, older, { recursive: true });
    const file = join(older, 'files/crds/kcg.dev_kinesisconsumergroups.yaml');
    const crd = parse(readFileSync(file, 'utf8')) as { spec: { versions: Version[] } };
    for (const version of crd.spec.versions) {
      const columns = version.additionalPrinterColumns;
      version.additionalPrinterColumns = columns.filter(({ name }) => name !== 'Age');
      expect(version.additionalPrinterColumns.length).toBe(columns.length - 1);
    }
    writeFileSync(file, stringify(crd, { aliasDuplicateObjects: false }));
  });
  afterAll(async () => {
    rmSync(older, { recursive: true });
    await plane?.stop();
  });

  const run = (...args: string[]) =>
    runHelm(helm, [...args, '--namespace', 'kcg-system', '--kubeconfig', plane.kubeconfig]);
  function release(...args: string[]): void {
    const { code, stderr } = run(...args);
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  }
  const kubectl = async (line: string, stdin?: string) => (await printed(plane.kubectl, line, stdin)).trim();
  const hasAge = async () =>
    (await kubectl(`get ${CRD} -o jsonpath={.spec.versions[*].additionalPrinterColumns[*].name}`)).includes(
      'Age',
    );
  const groupUid = () => kubectl('get kcg orders -o jsonpath={.metadata.uid}');

  test('they come, are upgraded, go back, and stay when the release goes, and groups with them', async () => {
    release('install', 'kcg', older, '--create-namespace');
    await untilServed(plane.kubectl, 'kinesisconsumergroups.kcg.dev');
    expect(await hasAge()).toBe(false);
    await kubectl('apply -f -', GROUP);
    const uid = await groupUid();

    release('upgrade', 'kcg', CHART, '--reset-then-reuse-values');
    expect(await hasAge()).toBe(true);
    expect(await groupUid()).toBe(uid);

    release('rollback', 'kcg', '1');
    expect(await hasAge()).toBe(false);
    expect(await groupUid()).toBe(uid);

    release('uninstall', 'kcg');
    expect(await groupUid()).toBe(uid);
    release('install', 'kcg', CHART);
    expect(await hasAge()).toBe(true);
    expect(await groupUid()).toBe(uid);
  });

  test('a release of another name says that they are not its own, and leaves all as it is', async () => {
    const { code, stderr } = run('install', 'other', CHART);
    expect(code).not.toBe(0);
    expect(stderr).toContain('cannot be imported into the current release');
    expect(await kubectl('get deployments -n kcg-system -o name')).toBe('deployment.apps/kcg');
    release('install', 'other', CHART, '--set', 'crds.install=false');
    release('uninstall', 'other');
  });

  test('they go with the release when they are not to be kept, and can be left to others', async () => {
    release('upgrade', 'kcg', CHART, '--reset-then-reuse-values', '--set', 'crds.keep=false');
    release('uninstall', 'kcg');
    await kubectl(`wait --for=delete ${CRD} --timeout=300s`);
    release('install', 'kcg', CHART, '--set', 'crds.install=false');
    const { stderr } = await plane.kubectl(['get', CRD]);
    expect(stderr).toContain('not found');
  });

  test('a chart that has the operator and a group needs them before', async () => {
    const app = mkdtempSync(join(tmpdir(), 'kcg-chart-'));
    writeFileSync(join(app, 'Chart.yaml'), 'apiVersion: v2\nname: app\nversion: 0.1.0\n');
    cpSync(CHART, join(app, 'charts/kcg'), { recursive: true });
    mkdirSync(join(app, 'templates'));
    writeFileSync(join(app, 'templates/group.yaml'), GROUP.replace('name: orders', 'name: with-operator'));
    const { code, stderr } = run('install', 'app', app);
    expect(stderr).toContain('no matches for kind "KinesisConsumerGroup"');
    expect(code).not.toBe(0);
    expect(await kubectl('get deployments -n kcg-system -o name')).toBe('deployment.apps/kcg');

    await kubectl('apply --server-side -f crds');
    await untilServed(plane.kubectl, 'kinesisconsumergroups.kcg.dev');
    release('install', 'app', app, '--set', 'kcg.crds.install=false');
    expect(await kubectl('get kcg with-operator -o name')).toContain('with-operator');
    rmSync(app, { recursive: true });
  });
});
