import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NewCondition } from '../../src/api/conditions.ts';
import { setConditions } from '../../src/api/set-conditions.ts';
import { groupCrd } from '../../src/api/crd.ts';
import type { GroupStatus } from '../../src/api/group-status.ts';
import { howToGet, requireToolInCi } from '../cluster/find-tool.ts';
import {
  controlPlaneProblem,
  startControlPlane,
  untilServed,
  type ControlPlane,
} from '../support/control-plane.ts';
import { groupOf } from './spec-table.ts';

/*
 * What tools that wait for a group take for done, and for failed: all of them go by kstatus. Nothing but the API server
 * runs here; the test writes the status in the operator's place.
 */

const helm = requireToolInCi('helm') ?? '';
const problem = controlPlaneProblem() ?? (helm === '' ? `Helm is missing: ${howToGet('helm')}` : undefined);
if (problem) console.warn(problem);

const namespace = `waiting-test-${randomUUID().slice(0, 8)}`;
let cluster: ControlPlane;
let chart: string;

const kubectl = (...args: string[]) => cluster.kubectl(['-n', namespace, ...args]);

describe.skipIf(problem !== undefined)('helm install --wait', () => {
  beforeAll(async () => {
    cluster = await startControlPlane();
    const apply = async (object: object) =>
      cluster.kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], JSON.stringify(object));
    expect(await apply(groupCrd())).toMatchObject({ code: 0 });
    await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await untilServed(cluster.kubectl, 'kinesisconsumergroups.kcg.dev');
    chart = mkdtempSync(join(tmpdir(), 'kcg-chart-'));
    writeFileSync(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: app\nversion: 0.1.0\n');
    mkdirSync(join(chart, 'templates'));
  });
  afterAll(async () => {
    rmSync(chart, { recursive: true, force: true });
    await kubectl('delete', 'namespace', namespace, '--wait=false');
    await cluster?.stop();
  });

  /** Ends when helm does; `act` runs once the group is there. */
  async function install(name: string, act: () => Promise<unknown>): Promise<{ code: number; said: string }> {
    const group = groupOf({ metadata: { name, namespace } });
    writeFileSync(join(chart, 'templates', 'group.yaml'), JSON.stringify(group));
    const args = ['install', name, chart, '-n', namespace, '--wait', '--timeout', '240s'];
    const env = { ...process.env, KUBECONFIG: cluster.kubeconfig, HELM_DRIVER: 'secret' };
    let isOver = false;
    const installed = new Promise<{ code: number; said: string }>((resolve) => {
      execFile(helm, args, { env }, (error, stdout, stderr) => {
        isOver = true;
        resolve({ code: error ? Number(error.code ?? 1) : 0, said: `${stdout}${stderr}` });
      });
    });
    while ((await kubectl('get', 'kcg', name)).code !== 0) expect(isOver).toBe(false);
    expect(isOver).toBe(false);
    await act();
    return installed;
  }

  const told = (...conditions: NewCondition[]): GroupStatus => ({
    observedGeneration: 1,
    conditions: setConditions([], conditions, 0),
  });
  const write = (name: string, status: GroupStatus) =>
    kubectl('patch', 'kcg', name, '--subresource=status', '--type=merge', '-p', JSON.stringify({ status }));
  const ready: NewCondition = { type: 'Ready', status: 'True', reason: 'Available', message: '' };
  const missing = { reason: 'StreamNotFound', message: 'no stream' } as const;

  test('waits for the operator’s first look, and for a stream that is made meanwhile', async () => {
    const { code, said } = await install('made', async () => {
      const { stdout } = await kubectl('get', 'kcg', 'made', '-o', 'jsonpath={.status}');
      expect(JSON.parse(stdout)).toEqual({ observedGeneration: -1 });
      await write(
        'made',
        told(
          { type: 'Ready', status: 'False', ...missing },
          { type: 'Reconciling', status: 'True', reason: 'Retrying', message: '' },
          { type: 'Stalled', status: 'False', reason: 'NotStalled', message: '' },
        ),
      );
      await write('made', told(ready));
    });
    expect(said).toContain('STATUS: deployed');
    expect(code).toBe(0);
  });

  test('fails at once when somebody has to correct something', async () => {
    const { code, said } = await install('wrong', () =>
      write(
        'wrong',
        told(
          { type: 'Ready', status: 'False', reason: 'InvalidSpec', message: 'handler is missing' },
          { type: 'Stalled', status: 'True', reason: 'InvalidSpec', message: 'handler is missing' },
        ),
      ),
    );
    expect(code).not.toBe(0);
    expect(said).toContain('status: Failed, message: handler is missing');
  });
});
