import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hasPodEnded } from '../../src/kubernetes/candidate.ts';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import { startControlPlane, type ControlPlane } from '../support/control-plane.ts';
import { printed } from '../support/kubectl.ts';
import { until as untilTold } from '../support/until.ts';
import { startInstalledOperator, type InstalledOperator } from './installed-operator.ts';

/* Each right of the operator is missed when it is taken away, on a real API server, and no other call is refused then. */

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
  resourceNames?: string[];
}
interface Role {
  kind: string;
  metadata: { name: string; namespace?: string };
  rules: Rule[];
}

let plane: ControlPlane;
let operator: InstalledOperator | undefined;
let roles: Role[];
let groups = 0;

beforeAll(async () => {
  plane = await startControlPlane({ definitions: [readFileSync('deploy/crds.yaml', 'utf8')] });
  await kubectl('apply -k deploy');
  await kubectl('create namespace shop');
  roles = await Promise.all(
    ['clusterrole kcg', 'role kcg-leader-election -n kcg-system'].map(
      async (name) => JSON.parse(await kubectl(`get ${name} -o json`)) as Role,
    ),
  );
});
afterAll(async () => {
  await operator?.stop();
  await plane?.stop();
});

const kubectl = (line: string, stdin?: string) => printed(plane.kubectl, line, stdin);
const until = (what: string, look: () => boolean | Promise<boolean>) =>
  untilTold(what, look, 300, () => ({ refused: refusals() }));
const refusals = () => [
  ...new Set(
    (operator?.requests ?? [])
      .filter(({ statusCode }) => statusCode === 403)
      .map(({ verb, resource }) => `${verb} ${resource}`),
  ),
];

/** Both roles, one of them without the right. @returns what gives it back */
async function take(verb: string, resource: string, role = 0): Promise<() => Promise<void>> {
  const without = ({ resources, verbs, ...rule }: Rule): Rule => ({
    ...rule,
    resources,
    verbs: resources.includes(resource) ? verbs.filter((each) => each !== verb) : verbs,
  });
  const { apiVersion, kind, metadata, rules } = roles[role] as Role & { apiVersion: string };
  const { name, namespace } = metadata;
  const left = rules.map(without).filter(({ verbs }) => verbs.length > 0);
  expect(JSON.stringify(left)).not.toBe(JSON.stringify(rules));
  await kubectl(
    'replace -f -',
    JSON.stringify({ apiVersion, kind, metadata: { name, namespace }, rules: left }),
  );
  const [plural = '', subresource] = resource.split('/');
  const group = rules.find(({ resources }) => resources.includes(resource))!.apiGroups[0];
  const target = `${plural}${group === '' ? '' : `.${group}`}`;
  const at = `-n ${role === 0 ? 'shop' : 'kcg-system'} --as=system:serviceaccount:kcg-system:kcg`;
  const named = rules.find((rule) => rule.resources.includes(resource) && rule.verbs.includes(verb));
  const object = named?.resourceNames ? `/${named.resourceNames[0]}` : '';
  const ask = `auth can-i ${verb} ${target}${object} ${at}${subresource ? ` --subresource=${subresource}` : ''}`;
  const answer = async () => (await plane.kubectl(ask.split(' '))).stdout.trim();
  await until('the end of the right', async () => (await answer()) === 'no');
  return async () => {
    const whole = { apiVersion, kind, metadata: { name, namespace }, rules };
    await kubectl('replace -f -', JSON.stringify(whole));
    // What is refused from now on is refused for what is taken next.
    await until('the right', async () => (await answer()) === 'yes');
  };
}

async function apply(name: string, spec: Record<string, unknown> = {}, annotations = {}): Promise<void> {
  const about = { apiVersion: 'kcg.dev/v1alpha1', kind: 'KinesisConsumerGroup' };
  const base = { stream: { name: 'orders' }, region: 'eu-west-1', handler: { log: {} } };
  const metadata = { name, namespace: 'shop', annotations };
  const scaling = { mode: 'Fixed', replicas: 1 };
  // The beats of workers stand still here.
  const leases = { durationSeconds: 300 };
  const whole = { ...base, scaling, leases, ...spec };
  await kubectl('apply -f -', JSON.stringify({ ...about, metadata, spec: whole }));
}
const hasBudget = async (name: string) =>
  (await plane.kubectl(['get', 'pdb', `${name}-worker`, '-n', 'shop'])).code === 0;
const isTold = async (name: string) =>
  (await kubectl(`get kcg ${name} -n shop -o jsonpath={.status.observedGeneration}`)) !== '';
const EXTERNAL = { disruptionBudget: { management: 'External' } };
const nothing = async () => {};
const { signal } = new AbortController();

interface Case {
  right: string;
  /** As the API server is asked, where that is another verb. */
  refused?: string;
  role?: number;
  /** While it has the right. */
  before?: (name: string) => Promise<void>;
  act: (name: string) => Promise<unknown>;
}
const made = async (name: string, spec: Record<string, unknown> = {}) => {
  await apply(name, spec);
  await until('the budget', () => hasBudget(name));
  await until('the status', () => isTold(name));
};

// oxfmt-ignore
const CASES: Case[] = [
  // The first group, as its table is at hand.
  { right: 'patch pods', before: withWorkers, act: (name) => apply(name) },
  { right: 'patch events', before: async (name) => { await made(name); await tell(); await until('the event', () => operator!.made().has('create events')); }, act: tell },
  { right: 'patch kinesisconsumergroups', act: (name) => apply(name, { checkpoints: { deletionPolicy: 'Delete' } }) },
  { right: 'patch kinesisconsumergroups/status', act: apply },
  { right: 'patch kinesisoffsetresets', before: made, act: (name) => kubectl('apply -f -', JSON.stringify({ apiVersion: 'kcg.dev/v1alpha1', kind: 'KinesisOffsetReset', metadata: { name, namespace: 'shop' }, spec: { group: name, to: { type: 'Latest' } } })) },
  { right: 'patch kinesisoffsetresets/status', before: made, act: (name) => kubectl('apply -f -', JSON.stringify({ apiVersion: 'kcg.dev/v1alpha1', kind: 'KinesisOffsetReset', metadata: { name, namespace: 'shop' }, spec: { group: name, to: { type: 'Latest' }, dryRun: true } })) },
  { right: 'delete kinesisoffsetresets', before: made, act: (name) => kubectl('apply -f -', JSON.stringify({ apiVersion: 'kcg.dev/v1alpha1', kind: 'KinesisOffsetReset', metadata: { name, namespace: 'shop' }, spec: { group: name, to: { type: 'Latest' }, dryRun: true, ttlSecondsAfterFinished: 0 } })) },
  { right: 'get namespaces', act: (name) => apply(name, { aws: { roleArn: 'arn:aws:iam::123456789012:role/kcg' } }) },
  { right: 'get leases', act: (name) => apply(name, {}, { 'kcg.dev/operator': 'elsewhere/kcg-operator' }) },
  { right: 'get deployments', act: apply },
  { right: 'create deployments', refused: 'patch deployments', act: apply },
  { right: 'patch deployments', act: apply },
  { right: 'delete deployments', before: (name) => made(name, { checkpoints: { deletionPolicy: 'Delete' } }), act: (name) => kubectl(`delete kcg ${name} -n shop --wait=false`) },
  { right: 'create poddisruptionbudgets', refused: 'patch poddisruptionbudgets', act: apply },
  { right: 'patch poddisruptionbudgets', act: apply },
  { right: 'get poddisruptionbudgets', act: apply },
  { right: 'delete poddisruptionbudgets', before: made, act: (name) => apply(name, EXTERNAL) },
  { right: 'create events', act: apply },
  { right: 'get pods', role: 1, act: () => hasPodEnded(operator!.cluster, { namespace: 'kcg-system', holder: 'a_uid_1', signal }).catch(() => {}) },
  { right: 'update leases', role: 1, act: nothing },
];

/** Two workers that hold a shard each. */
async function withWorkers(name: string): Promise<void> {
  await made(name, { scaling: { mode: 'Fixed', replicas: 2 } });
  const pods = () => operator!.cluster.list(KINDS.pod, { namespace: 'shop' });
  await until('two pods', async () => (await pods()).length === 2);
  const { shards } = operator!.kinesis.listShards('orders');
  for (const [index, { metadata }] of (await pods()).entries()) {
    const key = `worker#${metadata.name}`;
    const row = {
      shard_id: key,
      incarnation: 'a',
      beat: 1,
      state: 'live',
      revision: 1,
      started_at: 1,
      lagging: {},
    };
    operator!.table.store(key, { ...row, address: '', pod_uid: metadata.uid });
    const { shardId, hashStart, hashEnd } = shards[index]!;
    const lease = { shard_id: shardId, epoch: 1, sequence: 'TRIM_HORIZON', ref: `${metadata.name}/a` };
    operator!.table.store(shardId, { ...lease, hash_start: hashStart, hash_end: hashEnd });
  }
}

async function tell(): Promise<void> {
  const [regarding] = await operator!.cluster.list(KINDS.deployment, { namespace: 'shop' });
  operator!.cluster.recordEvent({
    regarding: regarding!,
    type: 'Normal',
    reason: 'Test',
    note: 'n',
    action: 'Test',
  });
}

describe('without the right to', () => {
  test.each(CASES)('$right, just that is refused', async ({ right, refused, role = 0, before, act }) => {
    groups += 1;
    const name = `g${groups}`;
    operator ??= await startInstalledOperator(plane);
    await before?.(name);
    operator.requests.length = 0;
    const [verb = '', resource = ''] = right.split(' ');
    const giveBack = await take(verb, resource, role);
    try {
      await act(name);
      await until('the refusal', () => refusals().length > 0);
      expect(refusals()).toEqual([refused ?? right.replace(/\/.*/, '')]);
    } finally {
      await giveBack();
      await plane.kubectl(['delete', 'kcg', name, '-n', 'shop', '--wait=false']);
    }
  });

  test.each(
    ['list', 'watch'].flatMap((verb) =>
      ['kinesisconsumergroups', 'kinesisoffsetresets', 'deployments', 'poddisruptionbudgets', 'pods'].map(
        (resource) => ({ verb, resource }),
      ),
    ),
  )('$verb $resource, just that is refused', async ({ verb, resource }) => {
    await operator?.stop();
    const giveBack = await take(verb, resource);
    try {
      operator = await startInstalledOperator(plane);
      await until('the refusal', () => refusals().length > 0);
      expect(refusals()).toEqual([`${verb} ${resource}`]);
    } finally {
      await giveBack();
    }
  });

  // It may get its Lease by the right to those of other operators, too; without that right, by its own alone.
  test('create its own Lease, no operator leads', async () => {
    await operator?.stop();
    await kubectl('delete lease kcg-operator -n kcg-system');
    const giveBack = await take('create', 'leases', 1);
    try {
      operator = await startInstalledOperator(plane);
      await until('the refusal', () => refusals().length > 0);
      expect(refusals()).toEqual(['create leases']);
    } finally {
      await giveBack();
    }
  });
});
