import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { parseGroup } from '../../src/api/group.ts';
import { RECONCILE_ANNOTATION } from '../../src/api/labels.ts';
import { LOCAL_CREDENTIALS } from '../../src/dev/local-mode.ts';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { localMode } from '../support/local-mode.ts';

/* The rights that docs/install.md names for streams, stream consumers and rows: they are enough, and each is missed. */

const policies = [...readFileSync('docs/install.md', 'utf8').matchAll(/```json\n(.*?)```/gs)].map(
  ([, json = '']) => JSON.parse(json) as { Statement: { Action: string[] }[] },
);
/** Of the operator and of the workers. */
const RIGHTS = policies.slice(0, 2).flatMap(({ Statement }) => Statement.flatMap(({ Action }) => Action));
const ref = { name: 'orders', namespace: 'default' };
const PATIENT = { timeout: 300_000, interval: 100 };

beforeEach(() => {
  for (const [name, value] of Object.entries(LOCAL_CREDENTIALS)) vi.stubEnv(name, value);
});
afterEach(() => vi.unstubAllEnvs());

it('a group with a stream consumer needs each right that is named for it, and no other', async () => {
  const lines: string[] = [];
  const local = await localMode({
    onWorkerLine: (_, line) => lines.push(line),
  });
  let missing = '';
  const refusal = (action: string) =>
    RIGHTS.includes(action) && action !== missing ? undefined : `not authorized to perform: ${action}`;
  local.kinesis.kinesis.faults = (operation) => {
    // An event of a subscription is none of its own to the service.
    const message = refusal(`kinesis:${operation.replace(/Event$/, '')}`);
    return message === undefined ? undefined : new KcgError('AccessDenied', message);
  };
  local.dynamodb.fail((operation) => {
    const message = refusal(`dynamodb:${operation}`);
    return message === undefined ? undefined : { do: 'fail', type: 'AccessDeniedException', message };
  });
  const told = async () => {
    const found = await local.cluster.get(KINDS.consumerGroup, ref);
    const status = found?.['status'] as { conditions?: { message: string }[] } | undefined;
    return [...(status?.conditions ?? []).map(({ message }) => message), ...lines].join('\n');
  };
  const isMissed = (action: string) =>
    vi.waitFor(async () => expect(await told()).toContain(`Allow ${action} on `), PATIENT);
  const consumers = () => local.kinesis.kinesis.stream('orders').consumers.list(clock.now());
  const batches = () => lines.filter((line) => /"records":1.*"message":"batch"/.test(line)).length;
  const isRead = async () => {
    const before = batches();
    local.kinesis.kinesis.putRecord('orders', { partitionKey: 'a', data: Buffer.from('a') });
    await vi.waitFor(() => expect(batches()).toBeGreaterThan(before), PATIENT);
  };
  /** What is denied is tried again once a minute, or when somebody asks for it. */
  const askAgain = async () => {
    const annotations = { [RECONCILE_ANNOTATION]: String(clock.now()) };
    const found = await local.cluster.get(KINDS.consumerGroup, ref);
    await local.cluster.patchMetadata(KINDS.consumerGroup, found!, { annotations });
  };
  const parsed = parseGroup({
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisConsumerGroup',
    metadata: ref,
    spec: {
      stream: { name: 'orders' },
      region: 'eu-west-1',
      handler: { log: {} },
      consumer: { type: 'EnhancedFanOut' },
      checkpoints: { deletionPolicy: 'Delete' },
    },
  });
  if (parsed.outcome === 'refused') return expect.fail(parsed.problems.join());
  try {
    // A table that was just made is claimed before its rows are read.
    missing = 'dynamodb:UpdateItem';
    await local.apply(parsed.group);
    for (const next of [
      'kinesis:DescribeStreamConsumer',
      'kinesis:RegisterStreamConsumer',
      'dynamodb:Query',
      'dynamodb:PutItem',
      'kinesis:SubscribeToShard',
    ]) {
      await isMissed(missing);
      missing = next;
      await askAgain();
    }
    await isMissed(missing);
    missing = '';
    await isRead();
    missing = 'dynamodb:GetItem';
    process.kill(local.pods.list()[0]!.pid!, 'SIGKILL');
    await isMissed(missing);
    missing = '';
    await isRead();
    missing = 'dynamodb:DeleteItem';
    await local.cluster.delete(KINDS.consumerGroup, ref);
    await isMissed(missing);
    missing = 'kinesis:DeregisterStreamConsumer';
    await isMissed(missing);
    expect(consumers()).toHaveLength(1);
    missing = 'dynamodb:Scan';
    await askAgain();
    await isMissed(missing);
    missing = '';
    await askAgain();
    await vi.waitFor(
      async () => expect(await local.cluster.get(KINDS.consumerGroup, ref)).toBeUndefined(),
      PATIENT,
    );
    await vi.waitFor(() => expect(consumers()).toEqual([]), PATIENT);
  } finally {
    await local.stop();
  }
});
