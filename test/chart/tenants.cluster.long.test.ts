import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startControlPlane, type ControlPlane } from '../support/control-plane.ts';
import { printed } from '../support/kubectl.ts';
import { until as untilTold } from '../support/until.ts';
import { howToGet, requireToolInCi } from '../cluster/find-tool.ts';
import { startInstalledOperator, type InstalledOperator } from './installed-operator.ts';
import { manifestsOf, rendered, runHelm } from './render-chart.ts';

/* docs/multi-tenant.md on a real API server: what it shows is applied as it stands, and what it says is refused is refused. */

const helm = requireToolInCi('helm') ?? '';
if (helm === '') process.stderr.write(`skipped: several teams on one cluster: ${howToGet('helm')}\n`);

const page = readFileSync('docs/multi-tenant.md', 'utf8');
const [roleGroup = '', quota = ''] = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(([, yaml = '']) => yaml);
const commands = [...page.matchAll(/^kubectl (.*)$/gm)].map(([, line = '']) => line);
const commandOf = (part: string) => commands.find((line) => line.includes(part)) ?? '';
const ROLE = 'arn:aws:iam::222222222222:role/kcg-shop';

let plane: ControlPlane;
beforeAll(async () => {
  if (helm === '') return;
  plane = await startControlPlane({ definitions: [readFileSync('deploy/crds.yaml', 'utf8')] });
  await kubectl('apply -k deploy');
  for (const namespace of ['shop', 'other']) {
    await kubectl(`create namespace ${namespace}`);
    await kubectl(`create rolebinding dev --clusterrole=edit --user=dev -n ${namespace}`);
  }
  const may = async () => (await run('auth can-i create kcg -n shop --as=dev')).stdout.trim() === 'yes';
  await until('the right to create groups', may);
});
afterAll(() => plane?.stop());

const run = (line: string, stdin?: string) => plane.kubectl(line.split(' '), stdin);
const kubectl = (line: string, stdin?: string) => printed(plane.kubectl, line, stdin);
const until = (what: string, look: () => Promise<boolean>) =>
  untilTold(
    what,
    look,
    300,
    async () => (await run('get kcg -A -o jsonpath={.items[*].status.conditions}')).stdout,
  );

function group(spec: Record<string, unknown> = {}, metadata: Record<string, unknown> = {}): string {
  return JSON.stringify({
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisConsumerGroup',
    metadata: { name: 'orders', namespace: 'shop', ...metadata },
    spec: { stream: { name: 'orders' }, region: 'eu-west-1', handler: { log: {} }, ...spec },
  });
}

describe.skipIf(helm === '')('an installation without a ClusterRole', () => {
  test('is what the command that is shown makes', () => {
    const [, block = ''] = /```\nhelm install (.*?)```/s.exec(page) ?? [];
    const args = block.replaceAll('\\\n', ' ').replaceAll("'", '').trim().split(/\s+/);
    const { code, stdout } = runHelm(helm, ['template', ...args]);
    expect(code).toBe(0);
    const scopes = manifestsOf(stdout).map(({ kind, metadata }) => `${kind} ${metadata.namespace}`);
    expect(scopes.filter((scope) => !scope.endsWith(' shop'))).toEqual([]);
    expect(scopes).toContain('Role shop');
  });
});

describe.skipIf(helm === '')('quotas', () => {
  test('count groups as any other kind', async () => {
    await kubectl('apply -f -', quota.replace('"10"', '"1"'));
    const used = 'get resourcequota kcg -n shop -o jsonpath={.status.used}';
    await until('the quota', async () => (await kubectl(used)).includes('kinesisconsumergroups'));
    await kubectl('apply --as=dev -f -', group());
    const second = await run('apply --as=dev -f -', group({}, { name: 'second' }));
    expect(second.stderr).toContain('exceeded quota: kcg, requested: count/kinesisconsumergroups.kcg.dev=1');
    await kubectl('delete kcg orders -n shop');
    await kubectl('delete resourcequota kcg -n shop');
  });
});

describe.skipIf(helm === '')('the operator', () => {
  let operator: InstalledOperator;
  beforeAll(async () => {
    if (helm !== '') operator = await startInstalledOperator(plane);
  });
  afterAll(() => operator?.stop());

  const told = (path: string, name?: string) =>
    kubectl(
      `get kcg ${name ?? 'orders'} -n ${name === undefined ? 'shop' : 'other'} -o jsonpath={.status.${path}}`,
    );
  const condition = (type: string, name?: string) =>
    told(`conditions[?(@.type=="${type}")]['reason','message']`, name);

  test('refuses the role of the group that is shown until the command that is shown allows it', async () => {
    await kubectl('apply --as=dev -f -', roleGroup);
    await until('a refusal', async () => (await condition('StreamReady')).startsWith('RoleNotAllowed'));
    expect(await condition('StreamReady')).toContain(
      `namespace shop allows no role, and spec.aws.roleArn is ${ROLE}`,
    );
    expect(await kubectl('get deployments -n shop -o name')).toBe('');
    // Who uses the namespace cannot allow it.
    const allow = commandOf('kcg.dev/aws-roles=');
    expect((await run(`${allow} --as=dev`)).stderr).toContain('cannot patch resource "namespaces"');
    await kubectl(allow);
    await until('the stream', async () => (await condition('StreamReady')).startsWith('StreamActive'));
    await kubectl('delete kcg orders -n shop');
    await kubectl('annotate namespace shop kcg.dev/aws-roles-');
  });

  test('makes no more tables and starts no more workers than the command that is shown lets it', async () => {
    await kubectl(
      commandOf('kcg.dev/max-tables=').replace(' shop ', ' other ').replace('=5', '=1').replace('=40', '=3'),
    );
    for (const name of ['a', 'b']) {
      const table = { checkpoints: { table: { name: 'shared' } } };
      await kubectl(
        'apply -f -',
        group({ scaling: { mode: 'Fixed', replicas: 2 }, ...table }, { name, namespace: 'other' }),
      );
      await until('workers', async () => (await told('scaling.desired', name)) !== '');
    }
    await kubectl('apply -f -', group({}, { name: 'c', namespace: 'other' }));
    await until('a refusal', async () =>
      (await condition('TableReady', 'c')).startsWith('TableLimitReached'),
    );
    const desired = async () => [await told('scaling.desired', 'a'), await told('scaling.desired', 'b')];
    await until('what is left of the limit', async () => (await desired()).join() === '2,1');
    expect(await condition('ScalingLimited', 'b')).toMatch(
      /^NamespaceLimit .*namespace other may have 3 workers/,
    );
    expect(await kubectl('get deployments -n other -o name')).not.toContain('c-worker');
    await kubectl('delete kcg --all -n other');
  });
});

describe.skipIf(helm === '')('the admission policy', () => {
  /** As `dev`, without leaving anything behind. */
  const dryRun = (spec: Record<string, unknown>, namespace = 'shop') =>
    run('apply --dry-run=server --as=dev -f -', group(spec, { namespace }));
  const table = (name: string) => ({ checkpoints: { table: { name } } });
  const consumer = (name: string) => ({ consumer: { type: 'EnhancedFanOut', name } });
  const importFrom = (source: Record<string, unknown>) => ({ checkpoints: { importFrom: source } });

  beforeAll(async () => {
    if (helm === '') return;
    const before = { ...table('from-before'), scaling: { mode: 'External' } };
    await kubectl('apply -f -', group(before, { name: 'before', finalizers: ['example.com/a'] }));
    const values = { admissionPolicy: { create: true }, watchNamespaces: ['shop', 'other', 'mine'] };
    const items = rendered(helm, values).filter(({ metadata }) => metadata.name.startsWith('kcg-tenants'));
    await kubectl('apply -f -', JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    await until('the policy', async () => (await dryRun(table('positions'))).code !== 0);
  });

  // oxfmt-ignore
  test.each<[string, Record<string, unknown>]>([
    ['any stream', {}],
    ['a stream by its ARN', { stream: { arn: 'arn:aws:kinesis:eu-west-1:222222222222:stream/orders' } }],
    ['a table of the namespace', table('kinesis-checkpoints-shop-all')],
    ['a group id of the namespace', { groupId: 'shop.orders-2' }],
    ['no stream consumer', { consumer: { type: 'EnhancedFanOut' } }],
    ['a stream consumer of the namespace', consumer('shop.orders-2')],
    ['an endpoint of the workers alone', { endpoints: { sqs: 'http://sqs.internal' } }],
  ])('lets a group name %s', async (_, spec) => {
    expect(await dryRun(spec)).toMatchObject({ code: 0, stderr: '' });
  });

  // oxfmt-ignore
  test.each<[string, Record<string, unknown>, string]>([
    ['another table', table('positions'), 'namespace shop may not name positions (annotation kcg.dev/tables of the namespace; allowed: kinesis-checkpoints-shop-*)'],
    ['a table to import from', importFrom({ type: 'KCL', table: 'orders-app' }), 'may not name orders-app (annotation kcg.dev/tables of'],
    ['a group id of another namespace', { groupId: 'other.orders' }, 'may not name other.orders (annotation kcg.dev/group-ids of the namespace; allowed: shop.*)'],
    ['a stream consumer of another namespace', consumer('other.orders'), 'may not name other.orders (annotation kcg.dev/consumers of the namespace; allowed: shop.*)'],
    ['a role', { aws: { roleArn: ROLE } }, `may not name ${ROLE} (annotation kcg.dev/aws-roles of the namespace; allowed: none)`],
    ['an endpoint', { endpoints: { dynamodb: 'http://collector.shop' } }, 'may not name http://collector.shop (annotation kcg.dev/endpoints of the namespace; allowed: none)'],
  ])('refuses a group that names %s', async (_, spec, words) => {
    const { code, stderr } = await dryRun(spec);
    expect(stderr).toContain(words);
    expect(code).not.toBe(0);
  });

  test('goes by the annotations of the namespace where it has any', async () => {
    const allow = {
      streams: 'orders, audit-*',
      tables: 'positions',
      'group-ids': '*',
      consumers: 'analytics',
      endpoints: 'http://kinesis.*',
    };
    for (const [name, value] of Object.entries(allow))
      await plane.kubectl(['annotate', 'namespace', 'other', `kcg.dev/${name}=${value}`]);
    await kubectl(`annotate namespace other kcg.dev/aws-roles=${ROLE}`);
    const spec = {
      ...table('positions'),
      stream: { name: 'audit-log' },
      groupId: 'x',
      ...consumer('analytics'),
      aws: { roleArn: ROLE },
      endpoints: { kinesis: 'http://kinesis.internal' },
    };
    await until('the annotations', async () => (await dryRun(spec, 'other')).code === 0);
    const { stderr } = await dryRun({ stream: { name: 'payments' } }, 'other');
    expect(stderr).toContain(
      'namespace other may not name payments (annotation kcg.dev/streams of the namespace; allowed: orders, audit-*)',
    );
    // And nobody else's.
    expect((await dryRun(table('positions'))).code).not.toBe(0);
  });

  test('says nothing of namespaces that are not looked after', async () => {
    await kubectl('create namespace unwatched');
    const spec = { ...table('positions'), aws: { roleArn: ROLE } };
    const words = await run('apply --dry-run=server -f -', group(spec, { namespace: 'unwatched' }));
    expect(words).toMatchObject({ code: 0, stderr: '' });
  });

  test('leaves a group that was there before alone, but for its spec', async () => {
    const at = 'kcg before -n shop --as=dev';
    await kubectl(`label ${at} team=a`);
    await kubectl('scale kcg/before -n shop --as=dev --replicas=3');
    const change = JSON.stringify({ spec: { desiredState: 'Paused' } });
    expect((await run(`patch ${at} --type=merge -p ${change}`)).stderr).toContain('may not name from-before');
    await kubectl(`delete ${at} --wait=false`);
    const free = JSON.stringify({ metadata: { finalizers: null } });
    await kubectl(`patch kcg before -n shop --type=merge -p ${free}`);
    await until('its end', async () => (await run('get kcg before -n shop')).code !== 0);
  });

  test('lets nobody but the operator say which stream consumers a group has registered', async () => {
    await kubectl('apply --as=dev -f -', group());
    const note = (what: string, more = '--as=dev --dry-run=server') =>
      run(`annotate kcg orders -n shop ${what} --overwrite ${more}`);
    const words =
      'kcg.dev/stream-consumers says what the operator has registered for a group, and removes with it';
    const forged = () => note('kcg.dev/stream-consumers={"made":[]}');
    await until('the policy', async () => (await forged()).stderr.includes(words));
    expect((await forged()).code).not.toBe(0);
    expect(await note('team=a')).toMatchObject({ code: 0 });
    // kubectl reads what it changes; the operator has that from its watch.
    await kubectl('create role reader --verb=get --resource=kinesisconsumergroups -n shop');
    await kubectl('create rolebinding reader --role=reader --serviceaccount=kcg-system:kcg -n shop');
    const operator = '--as=system:serviceaccount:kcg-system:kcg';
    const record = 'kcg.dev/stream-consumers={"made":[1]}';
    await until('the right', async () => (await note(record, operator)).code === 0);
    expect((await note('kcg.dev/stream-consumers={"made":[2]}')).stderr).toContain(words);
    // As a manifest or a replacement that knows nothing of it does; the operator writes it anew.
    expect(await note('kcg.dev/stream-consumers-')).toMatchObject({ code: 0 });
    await kubectl('delete kcg orders -n shop');
  });

  test('keeps who may change a namespace from changing what it allows', async () => {
    await kubectl(
      'create clusterrole owner --verb=get,list,patch,update,create --resource=namespaces,namespaces/status',
    );
    await kubectl('create clusterrolebinding owner --clusterrole=owner --user=owner');
    const annotate = (what: string) => run(`annotate namespace shop ${what} --overwrite --as=owner`);
    await until('the right', async () => (await annotate('team=a')).code === 0);
    const words = 'changing them takes the right to update tenants.kcg.dev there';
    // A policy counts a moment after it is made.
    const tried = () => annotate('kcg.dev/max-tables=9 --dry-run=server');
    await until('the policy', async () => (await tried()).stderr.includes(words));
    await kubectl('annotate namespace shop kcg.dev/max-tables=1');
    expect((await annotate('kcg.dev/max-tables=9')).stderr).toContain(words);
    expect((await annotate('kcg.dev/max-tables-')).stderr).toContain(words);
    const aside = JSON.stringify({ metadata: { annotations: { 'kcg.dev/max-tables': '9' } } });
    const patch = `patch namespace shop --subresource=status --type=merge -p ${aside} --as=owner`;
    expect((await run(patch)).stderr).toContain(words);
    expect((await annotate('team=b')).code).toBe(0);
    const elsewhere = await run('annotate namespace unwatched kcg.dev/max-tables=9 --as=owner');
    expect(elsewhere).toMatchObject({ code: 0 });
    const own = {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'mine', annotations: { 'kcg.dev/aws-roles': '*' } },
    };
    expect((await run('create --as=owner -f -', JSON.stringify(own))).stderr).toContain(words);
    const rule = { apiGroups: ['kcg.dev'], resources: ['tenants'], verbs: ['update'] };
    const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: 'tenants' } };
    await kubectl('create -n shop -f -', JSON.stringify({ ...role, rules: [rule] }));
    await kubectl('create rolebinding tenants --role=tenants --user=owner -n shop');
    await until('the right', async () => (await annotate('kcg.dev/max-tables=9')).code === 0);
  });
});
