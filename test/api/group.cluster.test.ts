import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { groupCrd } from '../../src/api/crd.ts';
import { parseGroup } from '../../src/api/group.ts';
import { startControlPlane } from '../support/control-plane.ts';
import { groupOf, SPEC_TABLE, UPDATE_TABLE } from './spec-table.ts';

type ControlPlane = Awaited<ReturnType<typeof startControlPlane>>;
let cluster: ControlPlane;

beforeAll(async () => {
  cluster = await startControlPlane();
  await applied(groupCrd());
  const wait = ['wait', '--for=condition=Established', '--timeout=30s', 'crd/kinesisconsumergroups.kcg.dev'];
  expect(await cluster.kubectl(wait)).toMatchObject({ code: 0 });
}, 120_000);
afterAll(() => cluster?.stop());

/** Server-side apply, as a user does it; what it prints is what the user sees. */
async function apply(object: unknown, ...flags: string[]) {
  return await cluster.kubectl(
    ['apply', '--server-side', '--field-manager=test', '-f', '-', ...flags],
    JSON.stringify(object),
  );
}

async function applied(object: unknown): Promise<void> {
  const { code, stderr } = await apply(object);
  expect(stderr).toBe('');
  expect(code).toBe(0);
}

/** As a GitOps tool that owns every field it once set. */
const dryRun = (object: unknown) => apply(object, '--dry-run=server', '-o', 'json');

describe('an API server takes and refuses what the table says', () => {
  test.for(SPEC_TABLE.map((each) => [each.name, each] as const))('%s', async ([, { refused, ...patch }]) => {
    const { code, stdout, stderr } = await dryRun(groupOf(patch));
    if (refused === undefined) {
      expect(stderr).toBe('');
      expect(code).toBe(0);
      // Both fill in the same defaults.
      const edge = parseGroup(groupOf(patch));
      expect(edge.outcome === 'ok' && edge.group.spec).toEqual(
        (JSON.parse(stdout) as { spec: unknown }).spec,
      );
      return;
    }
    expect(code).not.toBe(0);
    expect(stderr).toContain(typeof refused === 'string' ? refused : refused.cluster);
  });
});

describe('an API server guards what cannot change', () => {
  test.for(UPDATE_TABLE.map((each, index) => [each.name, index, each] as const))(
    '%s',
    async ([, index, { before, after, refused }]) => {
      const metadata = { name: `update-${index}` };
      await applied(groupOf({ change: before, metadata }));
      const { code, stderr } = await dryRun(groupOf({ change: after, metadata }));
      if (refused === undefined) expect(stderr).toBe('');
      else expect(stderr).toContain(refused);
      expect(code === 0).toBe(refused === undefined);
    },
  );
});

describe('kubectl scale', () => {
  const scale = (name: string) => cluster.kubectl(['scale', 'kcg', name, '--replicas=3']);

  test('is refused with a way out when the operator sets the replicas', async () => {
    await applied(groupOf({ metadata: { name: 'by-shards' } }));
    const { code, stderr } = await scale('by-shards');
    expect(code).not.toBe(0);
    expect(stderr).toContain(
      'scaling.mode is ShardCount: the operator sets the replicas; remove scaling.replicas, or set scaling.mode to External or Fixed to use kubectl scale',
    );
  });

  test('writes scaling.replicas when an autoscaler is in charge', async () => {
    const scaling = { mode: 'External', replicas: 1 };
    await applied(groupOf({ change: { scaling }, metadata: { name: 'by-hpa' } }));
    expect(await scale('by-hpa')).toMatchObject({ code: 0 });
    const path = '/apis/kcg.dev/v1alpha1/namespaces/default/kinesisconsumergroups/by-hpa/scale';
    const { stdout } = await cluster.kubectl(['get', '--raw', path]);
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'Scale', spec: { replicas: 3 } });
  });
});

test('kubectl get shows the stream whether it is given by name or by ARN', async () => {
  const arn = 'arn:aws:kinesis:eu-west-1:123456789012:stream/orders';
  await applied(groupOf({ metadata: { name: 'by-name' } }));
  await applied(groupOf({ change: { stream: { arn } }, metadata: { name: 'by-arn' } }));
  const { stdout } = await cluster.kubectl(['get', 'kcg', 'by-name', 'by-arn']);
  expect(stdout.split('\n')[0]!.split(/ +/)).toEqual([
    'NAME',
    'STREAM',
    'SHARDS',
    'PODS',
    'LAG',
    'READY',
    'REASON',
    'AGE',
  ]);
  expect(stdout).toMatch(/^by-name +orders /m);
  expect(stdout).toContain(arn);
});
