import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { parseGroup } from '../../src/api/group.ts';
import type { GroupStatus } from '../../src/api/group-status.ts';
import { LOCAL_CREDENTIALS, type LocalMode } from '../../src/dev/local-mode.ts';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import { sdkClient } from './sdk-client.ts';
import { localMode } from '../support/local-mode.ts';

/* The operator and worker processes, on local servers: lag is what the workers tell, and nothing is played. */

/** Two seconds a batch, one batch at a time in a process: what a worker can do is bounded, as by its CPU. */
const SLOW = `let turn = Promise.resolve();
export default function handler() {
  turn = turn.then(() => new Promise((resolve) => setTimeout(resolve, 2_000)));
  return turn;
}
`;
const SHARDS = 4;
let folder: string;
let local: LocalMode;

beforeAll(async () => {
  for (const [name, value] of Object.entries(LOCAL_CREDENTIALS)) vi.stubEnv(name, value);
  folder = await mkdtemp(join(tmpdir(), 'kcg-lag-'));
  await writeFile(join(folder, 'slow.mjs'), SLOW);
  local = await localMode({
    shards: SHARDS,
  });
});

afterAll(async () => {
  await local?.stop();
  await rm(folder, { recursive: true, force: true });
  vi.unstubAllEnvs();
});

async function apply(name: string, spec: Record<string, unknown>): Promise<void> {
  const parsed = parseGroup({
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisConsumerGroup',
    metadata: { name, namespace: 'shop' },
    spec: { stream: { name }, region: 'eu-west-1', ...spec },
  });
  if (parsed.outcome === 'refused') throw new Error(parsed.problems.join());
  await local.apply(parsed.group);
}

async function put(stream: string, records: number): Promise<void> {
  const client = sdkClient(local.kinesis.endpoint, { region: 'eu-west-1' });
  const Records = Array.from({ length: records }, (_, index) => ({
    Data: new Uint8Array([1]),
    PartitionKey: `${index}`,
  }));
  await client.send(new PutRecordsCommand({ StreamName: stream, Records }));
  client.destroy();
}

const status = async (name: string): Promise<GroupStatus> =>
  (await local.cluster.get(KINDS.consumerGroup, { namespace: 'shop', name }))?.status ?? {};
const until = (what: () => Promise<void>) => vi.waitFor(what, { timeout: 240_000, interval: 500 });
const isReady = (name: string, reason: string) =>
  until(async () => {
    const ready = (await status(name)).conditions?.find(({ type }) => type === 'Ready');
    expect(ready).toMatchObject({ status: 'True', reason });
  });

describe.concurrent('a group that scales by lag', () => {
  test('gets as many workers as it has shards when one cannot do what comes in', async () => {
    await apply('busy', {
      handler: { module: { container: 'app', path: join(folder, 'slow.mjs') }, batchSize: 1 },
      template: { spec: { containers: [{ name: 'app', image: 'x' }] } },
      scaling: { mode: 'Lag', targetLagSeconds: 10 },
    });
    await isReady('busy', 'Available');
    expect((await status('busy')).scaling?.desired).toBe(1);
    // More than all of them do in eight minutes.
    for (let times = 0; times < 2; times += 1) await put('busy', 500);
    await until(async () => expect((await status('busy')).scaling?.desired).toBe(SHARDS));
    await until(async () => {
      const { leases, readyReplicas, scaling } = await status('busy');
      expect([leases?.workers, readyReplicas]).toEqual([SHARDS, SHARDS]);
      // Each shard has a worker of its own by now, and is behind all the same.
      expect(scaling?.limitedBy).toBe('HotShard');
    });
  }, 900_000);

  test('has no worker while no record comes, and one again for the next record', async () => {
    await apply('quiet', {
      handler: { log: {} },
      scaling: {
        mode: 'Lag',
        targetLagSeconds: 60,
        minReplicas: 0,
        // Longer than the operator looks away: what it was before is to be seen.
        scaleDown: { stabilizationSeconds: 30 },
      },
    });
    await isReady('quiet', 'Available');
    await isReady('quiet', 'ScaledToZero');
    await put('quiet', 1);
    await isReady('quiet', 'Available');
    expect((await status('quiet')).scaling?.lastScale?.reason).toMatch(/^0 → 1: records wait in shard /);
    await until(async () => expect((await status('quiet')).lag?.maxSeconds).toBe(0));
  }, 900_000);
});
