import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { groupCrd } from '../../src/api/crd.ts';
import { startLocalKinesis, type LocalKinesis } from '../../src/dev/kinesis/server.ts';
import { LOCAL_CREDENTIALS } from '../../src/dev/local-mode.ts';
import { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { folderDestination } from '../../src/runtime/failure/folder-destination.ts';
import { aGivenUpBatch } from '../runtime/failure/a-given-up-batch.ts';
import {
  controlPlaneProblem,
  startControlPlane,
  untilServed,
  type ControlPlane,
} from '../support/control-plane.ts';
import { kcgHere } from '../support/kcg-here.ts';

/* kcg redrive NAME: an API server says what the group is. */

const problem = controlPlaneProblem();
const namespace = `redrive-test-${randomUUID().slice(0, 8)}`;
const HANDLER = `
import { appendFile } from 'node:fs/promises';
export default async ({ records }) => {
  await appendFile(new URL('done.txt', import.meta.url), records.map((record) => record.text()).join());
};
`;

let cluster: ControlPlane;
let kinesis: LocalKinesis;
let folder: string;

describe.skipIf(problem !== undefined)('kcg redrive with the name of a group', () => {
  beforeAll(async () => {
    for (const [name, value] of Object.entries(LOCAL_CREDENTIALS)) vi.stubEnv(name, value);
    cluster = await startControlPlane();
    folder = mkdtempSync(join(tmpdir(), 'kcg-redrive-'));
    writeFileSync(join(folder, 'mended.mjs'), HANDLER);
    kinesis = await startLocalKinesis({
      kinesis: new MemoryKinesis({ clock, region: 'eu-west-1', transitionMs: 0 }),
    });
    kinesis.kinesis.createStream({ name: 'orders', shardCount: 1 });
    const apply = async (object: object) =>
      expect(
        await cluster.kubectl(
          ['apply', '--server-side', '--force-conflicts', '-f', '-'],
          JSON.stringify(object),
        ),
      ).toMatchObject({ code: 0 });
    await apply(groupCrd());
    await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await untilServed(cluster.kubectl, 'kinesisconsumergroups.kcg.dev');
    await apply({
      apiVersion: 'kcg.dev/v1alpha1',
      kind: 'KinesisConsumerGroup',
      metadata: { name: 'orders', namespace },
      spec: {
        groupId: 'shop.orders',
        stream: { name: 'orders' },
        region: 'eu-west-1',
        endpoints: { kinesis: kinesis.endpoint },
        handler: { http: { container: 'app', port: 1 }, filters: [{ pattern: '{"partitionKey":["b"]}' }] },
        template: { spec: { containers: [{ name: 'app', image: 'app' }] } },
      },
    });
  });
  afterAll(async () => {
    await cluster?.kubectl(['delete', 'namespace', namespace, '--wait=false']);
    await Promise.all([cluster?.stop(), kinesis?.close()]);
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });

  const redrive = (name: string, ...more: string[]) => {
    const where = ['-n', namespace, '--kubeconfig', cluster.kubeconfig, '--from', join(folder, 'given')];
    return kcgHere(['redrive', name, ...where, ...more], LOCAL_CREDENTIALS);
  };

  test('finds stream, endpoint, region and filters in the resource, and says what it lacks', async () => {
    const shardId = 'shardId-000000000000';
    const records = ['a', 'b'].map((partitionKey) => {
      const data = Buffer.from(`data of ${partitionKey}`);
      const { sequence } = kinesis.kinesis.putRecord('orders', { partitionKey, data });
      return { sequence, partitionKey, data, arrivedAt: clock.now() };
    });
    const { arn: streamArn } = kinesis.kinesis.describe('orders');
    const batch = {
      ...aGivenUpBatch(),
      groupId: 'shop.orders',
      streamName: 'orders',
      streamArn,
      shardId,
      records,
    };
    const { signal } = new AbortController();
    await folderDestination(join(folder, 'given')).send({ ...batch, lane: 0, lanes: 1 }, { signal });

    const nobody = await redrive('nobody', '--module', join(folder, 'mended.mjs'));
    expect(nobody).toMatchObject({ code: 1, stdout: '' });
    expect(nobody.stderr).toContain(`there is no KinesisConsumerGroup nobody in namespace ${namespace}`);

    const dry = await redrive('orders', '--dry-run');
    expect(dry).toMatchObject({ code: 0, stderr: '' });
    expect(dry.stdout).toContain('1 record of 1 batch to redrive');

    const mended = await redrive('orders', '--module', join(folder, 'mended.mjs'));
    expect(mended).toMatchObject({ code: 0, stderr: '' });
    expect(mended.stdout).toContain('1 record of 1 batch redriven');
    expect(readFileSync(join(folder, 'done.txt'), 'utf8')).toBe('data of b');
    const rest = await redrive('orders', '--module', join(folder, 'mended.mjs'));
    expect(rest.stdout).toContain('0 records of 0 batches redriven');
  });
});
