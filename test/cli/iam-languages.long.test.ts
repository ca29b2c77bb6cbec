import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseGroup } from '../../src/api/group.ts';
import { policiesOf, printPolicies } from '../../src/cli/iam.ts';
import { pythonPrograms } from '../support/peer-programs.ts';

/* The policies of `kcg iam` as programs of others read them: AWS's own linter of templates, one of policies, and a parser of HCL. */

const ORDERS = {
  stream: { name: 'orders' },
  consumer: { type: 'EnhancedFanOut' },
  checkpoints: {
    table: { name: 'orders', encryption: { kmsKeyArn: 'arn:aws:kms:eu-west-1:123456789012:key/a' } },
  },
  handler: {
    log: {},
    retry: { maxAttempts: 3 },
    onFailure: { sqs: { queueArn: 'arn:aws:sqs:eu-west-1:123456789012:failed' } },
  },
};

let bin: string;
let folder: string;
beforeAll(async () => {
  bin = await pythonPrograms('cfn-lint==1.58.0', 'parliament==1.6.4', 'python-hcl2==8.1.4');
  folder = mkdtempSync(join(tmpdir(), 'kcg-iam-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(program: string, args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(join(bin, program), args, { input, encoding: 'utf8' });
  return { status, said: `${stdout}${stderr}`, stdout };
}

function policies() {
  const parsed = parseGroup({
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisConsumerGroup',
    metadata: { name: 'orders', namespace: 'shop' },
    spec: ORDERS,
  });
  if (parsed.outcome === 'refused') throw new Error(parsed.problems.join());
  return policiesOf([parsed.group], 'all', {
    partition: 'aws',
    account: '123456789012',
    region: 'eu-west-1',
  });
}

describe('the policies for operator and workers', () => {
  test('name actions that AWS has, on resources that they have', () => {
    const misspelt = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Action: 'kinesis:GetRecord', Resource: '*' }],
    });
    expect(run('parliament', ['--json'], misspelt).said).toContain('UNKNOWN_ACTION');
    const all = Object.values(JSON.parse(printPolicies(policies(), 'json')) as Record<string, object>);
    expect(all).toHaveLength(2);
    for (const policy of all) {
      expect(run('parliament', ['--json'], JSON.stringify(policy))).toMatchObject({ status: 0, said: '' });
    }
  });

  test('are a template of CloudFormation', () => {
    const file = join(folder, 'template.yaml');
    writeFileSync(file, printPolicies(policies(), 'cloudformation'));
    expect(run('cfn-lint', [file])).toMatchObject({ status: 0, said: '' });
  });

  test('are resources of Terraform', () => {
    const file = join(folder, 'kcg.tf');
    writeFileSync(file, printPolicies(policies(), 'terraform'));
    const { status, stdout } = run('hcl2tojson', [file]);
    expect(status).toBe(0);
    const { resource } = JSON.parse(stdout) as { resource: Record<string, object>[] };
    expect(resource.flatMap((each) => Object.values(each).flatMap((named) => Object.keys(named)))).toEqual([
      '"kcg_operator"',
      '"kcg_shop_orders_workers"',
    ]);
  });
});
