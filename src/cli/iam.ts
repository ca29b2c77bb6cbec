import { stringify } from 'yaml';
import { accountOfArn, regionOfArn } from '../api/arn.ts';
import type { KinesisConsumerGroup } from '../api/group.ts';
import { KcgError } from '../lib/errors.ts';
import type { OptionTable } from '../lib/options.ts';
import {
  arnsOf,
  operatorPolicy,
  realArn,
  rolePolicy,
  workerPolicy,
  type AwsScope,
  type Policy,
} from '../view/iam-policy.ts';
import { otherClusterOptions, placeOptions, selectOptions } from './group-options.ts';

export const iamOptions = {
  ...selectOptions,
  output: {
    type: 'string',
    short: 'o',
    description: 'the policies as they are, or in a language',
    choices: ['json', 'terraform', 'cloudformation'],
    default: 'json',
  },
  for: { type: 'string', description: 'whose', choices: ['all', 'operator', 'workers'], default: 'all' },
  file: placeOptions.file,
  account: { type: 'string', description: 'AWS account; default: that of the ARNs the groups have' },
  partition: {
    type: 'string',
    description: 'of ARNs',
    choices: ['aws', 'aws-cn', 'aws-us-gov'],
    default: 'aws',
  },
  region: placeOptions.region,
  ...otherClusterOptions,
} as const satisfies OptionTable;

export interface NamedPolicy {
  /** Of a policy in AWS, and after its change of hyphens of a resource in Terraform. */
  name: string;
  policy: Policy;
}

/** Of a managed policy, without white space. Source: IAM and STS quotas in the AWS IAM User Guide. */
export const MAX_POLICY_CHARACTERS = 6_144;

/**
 * One for the workers of each group, one for the operator, and one for each role that it assumes. Where several of `groups` share a
 * table, workers of each may touch its own rows alone.
 */
export function policiesOf(
  groups: readonly KinesisConsumerGroup[],
  whose: string,
  scope: AwsScope,
): NamedPolicy[] {
  const tables = groups.map((group) => arnsOf(group, scope).table);
  const workers = groups.map((group, index) => {
    const { namespace, name } = group.metadata;
    const sharesTable = tables.filter((table) => table === tables[index]).length > 1;
    return {
      name: `kcg-${namespace}-${name}-workers`,
      policy: workerPolicy(group, scope, { sharesTable }),
    };
  });
  const operator = { name: 'kcg-operator', policy: operatorPolicy(groups, scope) };
  const arns = [...new Set(groups.flatMap(({ spec }) => spec.aws?.roleArn ?? []))];
  const roles = arns.map((arn) => {
    const within = groups.filter(({ spec }) => spec.aws?.roleArn === arn);
    return { name: `kcg-role-${roleName(arn, arns)}`, policy: rolePolicy(within, scope) };
  });
  return toldApart([
    ...(whose === 'workers' ? [] : [operator, ...roles]),
    ...(whose === 'operator' ? [] : workers),
  ]);
}

/** Of roles of one name in several accounts with the account. */
function roleName(arn: string, all: readonly string[]): string | undefined {
  const nameOf = (each: string) => each.split('/').at(-1);
  const isOne = all.filter((each) => nameOf(each) === nameOf(arn)).length === 1;
  return isOne ? nameOf(arn) : `${nameOf(arn)}-${accountOfArn(arn)}`;
}

/** `shop-eu/orders` and `shop/eu-orders` would have one name, and one of the two no policy. */
function toldApart(policies: readonly NamedPolicy[]): NamedPolicy[] {
  const taken = new Set<string>();
  return policies.map(({ name, policy }) => {
    let own = name;
    for (let n = 2; taken.has(logicalId(own)); n += 1) own = `${name}-${n}`;
    taken.add(logicalId(own));
    return { name: own, policy };
  });
}

/**
 * By flags, and then by the ARNs of the groups themselves.
 * @returns `isGuess` when the account is that of a stream alone, which may be another's than that of the tables
 * @throws KcgError `InvalidInput` when nothing tells the account, or a region where one is needed
 */
export function scopeOf(
  groups: readonly KinesisConsumerGroup[],
  {
    account,
    partition,
    region,
  }: { account: string | undefined; partition: string; region: string | undefined },
): AwsScope & { isGuess: boolean } {
  // Of the others account and tables are those of their roles.
  const own = groups.filter(({ spec }) => spec.aws === undefined);
  const inAccount = firstReal(
    own.flatMap(({ spec, status }) => [status?.table?.arn, spec.stream.name && status?.stream?.arn]),
  );
  const stream = firstReal(own.map(({ spec }) => spec.stream.arn));
  const role = firstReal(groups.map(({ spec }) => spec.aws?.roleArn));
  const sure = inAccount ?? (own.length === 0 ? role : undefined);
  const known = inAccount ?? stream ?? role;
  const given = account ?? accountOfArn(sure ?? stream);
  if (given === undefined) {
    throw new KcgError('InvalidInput', 'no group says which AWS account it is in', {
      fix: 'Name it with --account.',
    });
  }
  const lacking = groups.find(({ spec, status }) => !spec.region && !spec.stream.arn && !status?.stream?.arn);
  if (region === undefined && lacking) {
    throw new KcgError(
      'InvalidInput',
      `${lacking.metadata.namespace}/${lacking.metadata.name} names no AWS region`,
      {
        fix: 'Name it with --region.',
      },
    );
  }
  return {
    account: given,
    partition: known?.split(':')[1] ?? partition,
    region: region ?? regionOfArn(known) ?? '',
    isGuess: account === undefined && sure === undefined,
  };
}

function firstReal(arns: readonly (string | undefined)[]): string | undefined {
  return arns.map(realArn).find((arn) => arn !== undefined);
}

/** What `kcg iam` prints, without the newline at the end. */
export function printPolicies(policies: readonly NamedPolicy[], output: string): string {
  switch (output) {
    case 'terraform':
      return policies.map(terraform).join('\n\n');
    case 'cloudformation':
      return stringify(cloudFormation(policies), { lineWidth: 0, aliasDuplicateObjects: false }).trimEnd();
    default: {
      const [only] = policies;
      if (only && policies.length === 1) return JSON.stringify(only.policy, undefined, 2);
      const all = Object.fromEntries(policies.map(({ name, policy }) => [name, policy]));
      return JSON.stringify(all, undefined, 2);
    }
  }
}

/** Policies that AWS would refuse for their size, with how large they are. */
export function tooLarge(policies: readonly NamedPolicy[]): { name: string; characters: number }[] {
  return policies
    .map(({ name, policy }) => ({ name, characters: JSON.stringify(policy).length }))
    .filter(({ characters }) => characters > MAX_POLICY_CHARACTERS);
}

/** JSON's objects are HCL's too; only its templates are not meant. */
function terraform({ name, policy }: NamedPolicy): string {
  const json = JSON.stringify(policy, undefined, 2)
    .replaceAll(/([$%])\{/g, '$1$1{')
    .replaceAll('\n', '\n  ');
  return [
    `resource "aws_iam_policy" "${name.replaceAll(/[^A-Za-z0-9_]/g, '_')}" {`,
    `  name = "${name}"`,
    `  policy = jsonencode(${json})`,
    '}',
  ].join('\n');
}

function cloudFormation(policies: readonly NamedPolicy[]): object {
  return {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: 'IAM policies of Kinesis consumer groups that kcg runs',
    Resources: Object.fromEntries(
      policies.map(({ name, policy }) => [
        logicalId(name),
        { Type: 'AWS::IAM::ManagedPolicy', Properties: { ManagedPolicyName: name, PolicyDocument: policy } },
      ]),
    ),
  };
}

/** Letters and digits alone. */
function logicalId(name: string): string {
  return name
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
}
