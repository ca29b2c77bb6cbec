import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseGroup, type KinesisConsumerGroup } from '../../src/api/group.ts';
import { policiesOf, printPolicies, scopeOf, tooLarge } from '../../src/cli/iam.ts';
import { operatorPolicy, workerPolicy, type Policy } from '../../src/view/iam-policy.ts';

const SCOPE = { partition: 'aws', account: '123456789012', region: 'eu-west-1' };

function group(spec: object = {}, more: object = {}): KinesisConsumerGroup {
  const given = {
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisConsumerGroup',
    metadata: { name: 'orders', namespace: 'shop' },
    spec: { stream: { name: 'orders' }, handler: { log: {} }, ...spec },
    ...more,
  };
  const parsed = parseGroup(given);
  if (parsed.outcome === 'refused') throw new Error(parsed.problems.join());
  return parsed.group;
}
const documented = [...readFileSync('docs/install.md', 'utf8').matchAll(/```json\n([^`]+)```/g)].map(
  ([, text = '']) => JSON.parse(text) as Policy,
);
const [theOperator, theWorkers, theDestinations] = documented;
const fanOut = { consumer: { type: 'EnhancedFanOut' } };

describe('the policy of the workers', () => {
  test('is the one that is documented', () => {
    expect(workerPolicy(group(fanOut), SCOPE)).toEqual(theWorkers);
  });

  test('lets workers read with the stream consumer of their own group', () => {
    const consumer = { type: 'EnhancedFanOut', name: 'ours' };
    const found = workerPolicy(group({ consumer }), SCOPE).Statement.find(
      ({ Sid }) => Sid === 'StreamConsumer',
    );
    expect(found?.Resource).toBe('arn:aws:kinesis:eu-west-1:123456789012:stream/orders/consumer/ours:*');
  });

  test('has fan-out, destinations and a key only where the group has them', () => {
    const sids = (spec: object) => workerPolicy(group(spec), SCOPE).Statement.map(({ Sid }) => Sid);
    expect(sids({})).toEqual(['Stream', 'Rows']);
    const arn = 'arn:aws:sqs:eu-west-1:123456789012:failed';
    const retry = { maxAttempts: 3 };
    const given = workerPolicy(
      group({ handler: { log: {}, retry, onFailure: { sqs: { queueArn: arn } } } }),
      SCOPE,
    );
    expect(given.Statement[2]).toEqual(theDestinations?.Statement[0]);
    const s3 = { bucketArn: 'arn:aws:s3:::failed', prefix: 'orders/' };
    const toS3 = workerPolicy(group({ handler: { log: {}, retry, onFailure: { s3 } } }), SCOPE);
    expect(toS3.Statement[2]).toMatchObject({
      Action: ['s3:PutObject'],
      Resource: 'arn:aws:s3:::failed/orders/*',
    });
    const kmsKeyArn = 'arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';
    const keyed = workerPolicy(group({ checkpoints: { table: { encryption: { kmsKeyArn } } } }), SCOPE);
    expect(keyed.Statement[2]?.Condition).toEqual({
      StringEquals: { 'kms:ViaService': 'dynamodb.eu-west-1.amazonaws.com' },
    });
  });

  test('names the stream of another account and the table that the operator found', () => {
    const arn = 'arn:aws:kinesis:us-east-2:999999999999:stream/theirs';
    const policy = workerPolicy(group({ stream: { arn }, region: 'us-east-2' }), SCOPE);
    expect(policy.Statement.map(({ Resource }) => Resource)).toEqual([
      arn,
      'arn:aws:dynamodb:us-east-2:123456789012:table/kinesis-checkpoints-shop-orders',
    ]);
  });
});

describe('the policy of the operator', () => {
  const actionsOf = (policy: Policy | undefined) =>
    new Set(policy?.Statement.flatMap(({ Action }) => Action));

  test('has the documented actions for groups that use all, and no wildcard among tables', () => {
    const all = operatorPolicy([group({ ...fanOut, checkpoints: { deletionPolicy: 'Delete' } })], SCOPE);
    expect(actionsOf(all)).toEqual(actionsOf(theOperator));
    const tables = all.Statement.filter(({ Action }) => Action[0]?.startsWith('dynamodb:'));
    expect(tables.flatMap(({ Resource }) => Resource).filter((arn) => arn.includes('*'))).toEqual([]);
  });

  test('is to assume the role that a group names, and that role has a policy of its own', () => {
    const roleArn = 'arn:aws:iam::222222222222:role/kcg-shop';
    const policies = policiesOf([group({ aws: { roleArn } })], 'operator', SCOPE);
    expect(policies.map(({ name }) => name)).toEqual(['kcg-operator', 'kcg-role-kcg-shop']);
    expect(policies[0]?.policy.Statement).toEqual([
      { Sid: 'Roles', Effect: 'Allow', Action: ['sts:AssumeRole'], Resource: roleArn },
    ]);
    expect(policies[1]?.policy.Statement.map(({ Sid }) => Sid)).toEqual([
      'Streams',
      'TablesRead',
      'Tables',
      'Rows',
    ]);
    const table = 'arn:aws:dynamodb:eu-west-1:222222222222:table/kinesis-checkpoints-shop-orders';
    expect(policies[1]?.policy.Statement.at(-1)?.Resource).toBe(table);
  });

  const statementOf = (sid: string, spec: object, more: object = {}) =>
    operatorPolicy([group(spec, more)], SCOPE).Statement.find(({ Sid }) => Sid === sid);

  test('reads streams of groups that scale to zero, for a time of day too', () => {
    const lag = { mode: 'Lag', targetLagSeconds: 30 };
    const night = { name: 'night', start: '0 20 * * *', end: '0 6 * * *', minReplicas: 0 };
    const read = { Action: ['kinesis:GetRecords', 'kinesis:GetShardIterator'] };
    const reads = (scaling: object) => statementOf('StreamsRead', { scaling });
    expect(reads({ ...lag, minReplicas: 0 })).toMatchObject(read);
    expect(reads({ ...lag, schedules: [night] })).toMatchObject(read);
    expect(reads(lag)).toBeUndefined();
    expect(reads({ minReplicas: 0 })).toBeUndefined();
  });

  test('sets a key on a table with the documented actions, by way of DynamoDB', () => {
    const kmsKeyArn = 'arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';
    const sets = statementOf('TableKeys', { checkpoints: { table: { encryption: { kmsKeyArn } } } });
    expect(sets).toMatchObject({
      Resource: kmsKeyArn,
      Condition: { StringEquals: { 'kms:ViaService': 'dynamodb.eu-west-1.amazonaws.com' } },
    });
    const [said = ''] =
      /who sets the key on a table[^.]*/.exec(readFileSync('docs/install.md', 'utf8')) ?? [];
    expect(sets?.Action).toEqual([...said.matchAll(/kms:[\w*]+/g)].map(([action]) => action).toSorted());
  });

  test('names the keys that have the alias where the group has one: as a resource that allows nothing', () => {
    const kmsKeyArn = 'arn:aws:kms:eu-west-1:123456789012:alias/tables/orders';
    const spec = { checkpoints: { table: { encryption: { kmsKeyArn } } } };
    const wanted = {
      Resource: 'arn:aws:kms:eu-west-1:123456789012:key/*',
      Condition: {
        StringEquals: { 'kms:ViaService': 'dynamodb.eu-west-1.amazonaws.com' },
        'ForAnyValue:StringEquals': { 'kms:ResourceAliases': 'alias/tables/orders' },
      },
    };
    expect(statementOf('TableKeysByAlias', spec)).toMatchObject(wanted);
    expect(statementOf('TableKeys', spec)).toBeUndefined();
    expect(workerPolicy(group(spec), SCOPE).Statement.at(-1)).toMatchObject({
      Sid: 'TableKeyByAlias',
      ...wanted,
    });
  });

  test("finds an import's table where the group's own is", () => {
    const importFrom = { type: 'KCL', table: 'orders-app' };
    const found = (spec: object, more?: object) =>
      statementOf('ImportSources', { ...spec, checkpoints: { importFrom } }, more)?.Resource;
    const of = (region: string, account: string) => `arn:aws:dynamodb:${region}:${account}:table/orders-app`;
    expect(found({})).toBe(of('eu-west-1', '123456789012'));
    expect(found({ region: 'us-east-2' })).toBe(of('us-east-2', '123456789012'));
    const arn = 'arn:aws:dynamodb:us-east-2:999999999999:table/kinesis-checkpoints-shop-orders';
    expect(found({}, { status: { table: { arn } } })).toBe(of('us-east-2', '999999999999'));
  });

  test('leaves out what no group uses', () => {
    const external = group({ checkpoints: { table: { management: 'External' } } });
    const sids = operatorPolicy([external], SCOPE).Statement.map(({ Sid }) => Sid);
    expect(sids).toEqual(['Streams', 'TablesRead', 'Rows']);
  });
});

describe('kcg iam', () => {
  const policies = policiesOf([group()], 'all', SCOPE);

  test('prints JSON, Terraform and CloudFormation', () => {
    expect(Object.keys(JSON.parse(printPolicies(policies, 'json')) as object)).toEqual([
      'kcg-operator',
      'kcg-shop-orders-workers',
    ]);
    expect(JSON.parse(printPolicies(policies.slice(1), 'json'))).toEqual(policies[1]?.policy);
    const hcl = printPolicies(policies, 'terraform');
    expect(hcl).toContain(
      'resource "aws_iam_policy" "kcg_shop_orders_workers" {\n  name = "kcg-shop-orders-workers"\n',
    );
    const template = parse(printPolicies(policies, 'cloudformation')) as {
      Resources: Record<string, object>;
    };
    expect(template.Resources['KcgShopOrdersWorkers']).toEqual({
      Type: 'AWS::IAM::ManagedPolicy',
      Properties: { ManagedPolicyName: 'kcg-shop-orders-workers', PolicyDocument: policies[1]?.policy },
    });
  });

  test('finds the account in what the groups say, and asks for what nobody says', () => {
    const arn = 'arn:aws-cn:kinesis:cn-north-1:111111111111:stream/orders';
    const flags = { account: undefined, partition: 'aws', region: undefined };
    expect(scopeOf([group({}, { status: { stream: { arn } } })], flags)).toEqual({
      account: '111111111111',
      partition: 'aws-cn',
      region: 'cn-north-1',
      isGuess: false,
    });
    const aws = { roleArn: 'arn:aws:iam::222222222222:role/kcg' };
    expect(scopeOf([group({ aws, region: 'eu-west-1' })], flags).account).toBe('222222222222');
    expect(() => scopeOf([group()], flags)).toThrow('which AWS account');
    expect(() => scopeOf([group()], { ...flags, account: '123456789012' })).toThrow(
      'shop/orders names no AWS region',
    );
  });

  test('takes the account of a stream for that of the tables only where nothing else tells it, and says so', () => {
    const flags = { account: undefined, partition: 'aws', region: 'eu-west-1' };
    const theirs = { stream: { arn: 'arn:aws:kinesis:eu-west-1:222222222222:stream/orders' } };
    const arn = 'arn:aws:dynamodb:eu-west-1:111111111111:table/kinesis-checkpoints-shop-orders';
    const ran = { status: { stream: theirs.stream, table: { arn } } };
    const aws = { roleArn: 'arn:aws:iam::333333333333:role/kcg' };
    const of = (...groups: KinesisConsumerGroup[]) => {
      const { account, isGuess } = scopeOf(groups, flags);
      return [account, isGuess];
    };
    expect(of(group(theirs))).toEqual(['222222222222', true]);
    expect(of(group(theirs), group(theirs, ran))).toEqual(['111111111111', false]);
    expect(of(group(theirs), group({}, ran), group({ aws }))).toEqual(['111111111111', false]);
    expect(() => of(group(), group({ aws }))).toThrow('which AWS account');
    expect(scopeOf([group(theirs)], { ...flags, account: '111111111111' }).isGuess).toBe(false);
  });

  test('prints the policy of each role and each group, also where their names are alike', () => {
    const groups = [
      ['a', 'orders', '111111111111'],
      ['b', 'orders', '222222222222'],
      ['shop-eu', 'orders'],
      ['shop', 'eu-orders'],
    ].map(([namespace, name, account]) =>
      group(account ? { aws: { roleArn: `arn:aws:iam::${account}:role/kcg` } } : {}, {
        metadata: { namespace, name },
      }),
    );
    expect(policiesOf(groups, 'all', SCOPE).map(({ name }) => name)).toEqual([
      'kcg-operator',
      'kcg-role-kcg-111111111111',
      'kcg-role-kcg-222222222222',
      'kcg-a-orders-workers',
      'kcg-b-orders-workers',
      'kcg-shop-eu-orders-workers',
      'kcg-shop-eu-orders-workers-2',
    ]);
  });

  test('keeps workers to the rows of their own group, and of its shadow, in a table that groups share', () => {
    const inTable = (name: string, table: object) =>
      group({ checkpoints: { table } }, { metadata: { namespace: 'shop', name } });
    const groups = [
      inTable('orders', { name: 'positions' }),
      inTable('refunds', { name: 'positions' }),
      inTable('audit', {}),
    ];
    const rows = policiesOf(groups, 'workers', SCOPE).map(({ policy }) => {
      const found = policy.Statement.find(({ Sid }) => Sid === 'Rows');
      return [found?.Condition, found?.Action.includes('dynamodb:Scan')];
    });
    const only = (...ids: string[]) => ({ 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': ids } });
    expect(rows).toEqual([
      [only('shop.orders', 'shop.orders.shadow'), false],
      [only('shop.refunds', 'shop.refunds.shadow'), false],
      [undefined, true],
    ]);
  });

  test('says which policy AWS would refuse for its size', () => {
    const many = Array.from({ length: 40 }, (_, index) => group({ groupId: `group-${index}` }));
    expect(tooLarge(policiesOf(many, 'operator', SCOPE)).map(({ name }) => name)).toEqual(['kcg-operator']);
    expect(tooLarge(policies)).toEqual([]);
  });
});
