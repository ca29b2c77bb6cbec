import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { groupCrd } from '../../src/api/crd.ts';
import { parseGroup, type GroupStatus } from '../../src/api/group.ts';
import { setConditions } from '../../src/api/set-conditions.ts';
import { seededRandom } from '../../src/lib/random.ts';
import {
  controlPlaneProblem,
  startControlPlane,
  untilServed,
  type ControlPlane,
} from '../support/control-plane.ts';
import { apiServerOf } from '../support/api-server.ts';
import { ARN, groupOf, SPEC_TABLE, UPDATE_TABLE, type SpecCase } from './spec-table.ts';

const problem = controlPlaneProblem();
if (problem) console.warn(problem);

/** What is stored goes here; the rest is only asked about. */
const namespace = `group-test-${randomUUID().slice(0, 8)}`;
let cluster: ControlPlane;
let server: ReturnType<typeof apiServerOf>;

/** Server-side apply, as a user does it; what it prints is what the user sees. */
async function apply(object: unknown, ...flags: string[]) {
  const args = ['apply', '--server-side', '--field-manager=test', '-f', '-', ...flags];
  return await cluster.kubectl(args, JSON.stringify(object));
}
const stored = (name: string, change: SpecCase['change'] = {}) =>
  groupOf({ change, metadata: { name, namespace } });
const kubectl = (...args: string[]) => cluster.kubectl(['-n', namespace, ...args]);

async function applied(object: unknown, ...flags: string[]): Promise<void> {
  expect(await apply(object, ...flags)).toMatchObject({ code: 0, stderr: '' });
}

describe.skipIf(problem !== undefined)('an API server', () => {
  beforeAll(async () => {
    cluster = await startControlPlane();
    server = apiServerOf(cluster.kubeconfig);
    await applied(groupCrd(), '--force-conflicts');
    await applied({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await untilServed(cluster.kubectl, 'kinesisconsumergroups.kcg.dev');
  });
  afterAll(async () => {
    await server?.close();
    await kubectl('delete', 'namespace', namespace, '--wait=false');
    await cluster?.stop();
  });

  describe('takes and refuses what the table says', () => {
    test.for(SPEC_TABLE.map((each) => [each.name, each] as const))(
      '%s',
      async ([, { refused, ...patch }]) => {
        const answer = await server.dryRun(groupOf(patch));
        if (refused !== undefined) {
          const words = typeof refused === 'string' ? refused : refused.cluster;
          expect(answer).toEqual({ refused: expect.stringContaining(words) as unknown });
          return;
        }
        // Both fill in the same defaults.
        const edge = parseGroup(groupOf(patch));
        expect(edge.outcome === 'ok' && edge.group.spec).toEqual('taken' in answer && answer.taken.spec);
      },
    );

    test('and agrees with the edge on specs put together at random', async () => {
      const changes = SPEC_TABLE.flatMap(({ change }) => (change ? [change] : []));
      const random = seededRandom(1);
      for (let run = 0; run < 100; run++) {
        const picked = Array.from({ length: 3 }, () => changes[Math.floor(random() * changes.length)]!);
        const group = groupOf({ change: picked.reduce(merged, {}) });
        const edge = parseGroup(group);
        const problems = edge.outcome === 'ok' ? [] : edge.problems;
        const answer = await server.dryRun(group);
        const both = { spec: group.spec, isRefused: 'refused' in answer, problems, answer };
        expect(both).toMatchObject({ isRefused: problems.length > 0 });
      }
    });
  });

  describe('guards what cannot change', () => {
    const cases = UPDATE_TABLE.map((each, index) => [each.name, `update-${index}`, each] as const);
    test.for(cases)('%s', async ([, name, { before, after, refused }]) => {
      await applied(stored(name, before));
      const answer = await server.dryRun(stored(name, after));
      if (refused === undefined) expect(answer).toHaveProperty('taken');
      else expect(answer).toEqual({ refused: expect.stringContaining(refused) as unknown });
    });
  });

  describe('answers kubectl scale', () => {
    test('with a way out of one step when the operator sets the number', async () => {
      await applied(stored('by-shards'));
      const { code, stderr } = await kubectl('scale', 'kcg', 'by-shards', '--replicas=3');
      expect(code).not.toBe(0);
      expect(stderr).toContain(
        'to set it yourself, change two fields in one step: scaling.mode to External and scaling.replicas to the number',
      );
      const patch = JSON.stringify({ spec: { scaling: { mode: 'External', replicas: 3 } } });
      expect(await kubectl('patch', 'kcg', 'by-shards', '--type=merge', '-p', patch)).toMatchObject({
        code: 0,
      });
      expect(await kubectl('scale', 'kcg', 'by-shards', '--replicas=5')).toMatchObject({ code: 0 });
    });

    test.for([['--server-side', '--field-manager=test'], ['--server-side=false']])(
      'and one manifest both creates a group and leaves the number to others, with apply %s',
      async (flags) => {
        const name = flags.length > 1 ? 'by-hpa-server-side' : 'by-hpa-client-side';
        const manifest = JSON.stringify(stored(name, { scaling: { mode: 'External' } }));
        const apply = () => cluster.kubectl(['apply', ...flags, '-f', '-'], manifest);
        const path = `/apis/kcg.dev/v1alpha1/namespaces/${namespace}/kinesisconsumergroups/${name}/scale`;
        const scale = async () => JSON.parse((await kubectl('get', '--raw', path)).stdout) as object;
        expect(await apply()).toMatchObject({ code: 0 });
        // What an autoscaler asks first.
        expect(await scale()).toMatchObject({ kind: 'Scale', spec: { replicas: 1 } });
        expect(await kubectl('scale', 'kcg', name, '--replicas=6')).toMatchObject({ code: 0 });
        expect(await apply()).toMatchObject({ code: 0 });
        expect(await scale()).toMatchObject({ spec: { replicas: 6 } });
      },
    );

    test('by writing scaling.replicas when an autoscaler is in charge', async () => {
      await applied(stored('by-hpa', { scaling: { mode: 'External', replicas: 1 } }));
      expect(await kubectl('scale', 'kcg', 'by-hpa', '--replicas=3')).toMatchObject({ code: 0 });
      const path = `/apis/kcg.dev/v1alpha1/namespaces/${namespace}/kinesisconsumergroups/by-hpa/scale`;
      const { stdout } = await kubectl('get', '--raw', path);
      expect(JSON.parse(stdout)).toMatchObject({ kind: 'Scale', spec: { replicas: 3 } });
    });
  });

  describe('shows in kubectl get', () => {
    test('the stream, whether it is given by name or by ARN', async () => {
      await applied(stored('by-name'));
      await applied(stored('by-arn', { stream: { arn: ARN } }));
      const { stdout } = await kubectl('get', 'kcg', 'by-name', 'by-arn');
      expect(stdout).toMatch(/^NAME +STREAM +SHARDS +PODS +LAG +READY +REASON +AGE$/m);
      expect(stdout).toMatch(/^by-name +orders /m);
      expect(stdout).toContain(ARN);
    });

    test('the status, which is written beside the spec', async () => {
      await applied(stored('with-status'));
      const ready = { type: 'Ready', status: 'True', reason: 'Available', message: '' } as const;
      const summary = { shards: '8/8', pods: '4/4', lag: '12s' };
      const status: GroupStatus = {
        conditions: setConditions([], [ready], 0),
        summary,
        replicas: 4,
        selector: 'a=b',
      };
      const patch = ['--subresource=status', '--type=merge', '-p', JSON.stringify({ status })];
      expect(await kubectl('patch', 'kcg', 'with-status', ...patch)).toMatchObject({ code: 0, stderr: '' });
      const { stdout } = await kubectl('get', 'kcg', 'with-status');
      expect(stdout).toMatch(/^with-status +orders +8\/8 +4\/4 +12s +True +Available /m);
      const { stdout: json } = await kubectl('get', 'kcg', 'with-status', '-o', 'json');
      expect(parseGroup(JSON.parse(json))).toMatchObject({ outcome: 'ok', group: { status } });
    });
  });
});

type Fields = Record<string, unknown>;

/** `b` over `a`, maps field by field. */
function merged(a: Fields, b: Fields): Fields {
  const over = Object.entries(b).map(([key, value]) => {
    const below = a[key];
    return [key, isMap(value) && isMap(below) ? merged(below, value) : value] as const;
  });
  return { ...a, ...Object.fromEntries(over) };
}

function isMap(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
