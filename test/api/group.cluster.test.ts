import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setCondition } from '../../src/api/conditions.ts';
import { groupCrd } from '../../src/api/crd.ts';
import { parseGroup, type GroupStatus } from '../../src/api/group.ts';
import { seededRandom } from '../../src/lib/random.ts';
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
  expect(stdout).toMatch(/^NAME +STREAM +SHARDS +PODS +LAG +READY +REASON +AGE$/m);
  expect(stdout).toMatch(/^by-name +orders /m);
  expect(stdout).toContain(arn);
});

test('the status is written beside the spec and shows in kubectl get', async () => {
  const metadata = { name: 'with-status' };
  await applied(groupOf({ metadata }));
  const conditions = setCondition([], { type: 'Ready', status: 'True', reason: 'Available', message: '' }, 0);
  const status: GroupStatus = {
    conditions,
    summary: { shards: '8/8', pods: '4/4', lag: '12s' },
    replicas: 4,
    selector: 'a=b',
  };
  const patch = [
    'patch',
    'kcg',
    'with-status',
    '--subresource=status',
    '--type=merge',
    '-p',
    JSON.stringify({ status }),
  ];
  expect(await cluster.kubectl(patch)).toMatchObject({ code: 0, stderr: '' });
  const { stdout } = await cluster.kubectl(['get', 'kcg', 'with-status']);
  expect(stdout).toMatch(/^with-status +orders +8\/8 +4\/4 +12s +True +Available /m);
  const { stdout: json } = await cluster.kubectl(['get', 'kcg', 'with-status', '-o', 'json']);
  expect(parseGroup(JSON.parse(json))).toMatchObject({ outcome: 'ok', group: { status } });
});

test('edge and API server agree on specs put together at random', async () => {
  const changes = SPEC_TABLE.flatMap(({ change }) => (change ? [change] : []));
  const random = seededRandom(1);
  for (let run = 0; run < 100; run++) {
    const picked = Array.from({ length: 3 }, () => changes[Math.floor(random() * changes.length)]!);
    const group = groupOf({ change: picked.reduce(merged, {}) });
    const edge = parseGroup(group);
    const { code, stderr } = await dryRun(group);
    const problems = edge.outcome === 'ok' ? [] : edge.problems;
    expect({ spec: group.spec, refused: code !== 0, problems, stderr }).toMatchObject({
      refused: problems.length > 0,
    });
  }
}, 120_000);

type Fields = Record<string, unknown>;

/** `b` over `a`, maps field by field. */
function merged(a: Fields, b: Fields): Fields {
  const isMap = (value: unknown): value is Fields =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
  const over = Object.entries(b).map(([key, value]) => {
    const below = a[key];
    return [key, isMap(value) && isMap(below) ? merged(below, value) : value] as const;
  });
  return { ...a, ...Object.fromEntries(over) };
}
