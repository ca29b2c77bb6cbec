import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { parseGroup } from '../../src/api/group.ts';
import { LOCAL_CREDENTIALS } from '../../src/dev/local-mode.ts';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { localMode } from '../support/local-mode.ts';

/* The rights that docs/install.md names for a group with a stream consumer: they are enough, and each is missed. */

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
  local.kinesis.kinesis.faults = (operation) => {
    // An event of a subscription is none of its own to the service.
    const action = `kinesis:${operation.replace(/Event$/, '')}`;
    const isAllowed = RIGHTS.includes(action) && action !== missing;
    return isAllowed ? undefined : new KcgError('AccessDenied', `not authorized to perform: ${action}`);
  };
  const told = async () => {
    const found = await local.cluster.get(KINDS.consumerGroup, ref);
    const status = found?.['status'] as { conditions?: { message: string }[] } | undefined;
    return [...(status?.conditions ?? []).map(({ message }) => message), ...lines].join('\n');
  };
  const isMissed = (action: string) =>
    vi.waitFor(async () => expect(await told()).toContain(`Allow ${action} on `), PATIENT);
  const consumers = () => local.kinesis.kinesis.stream('orders').consumers.list(clock.now());
  const parsed = parseGroup({
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisConsumerGroup',
    metadata: ref,
    spec: {
      stream: { name: 'orders' },
      region: 'eu-west-1',
      handler: { log: {} },
      consumer: { type: 'EnhancedFanOut' },
    },
  });
  if (parsed.outcome === 'refused') return expect.fail(parsed.problems.join());
  try {
    missing = 'kinesis:DescribeStreamConsumer';
    await local.apply(parsed.group);
    await isMissed(missing);
    missing = 'kinesis:RegisterStreamConsumer';
    await isMissed(missing);
    missing = 'kinesis:SubscribeToShard';
    await isMissed(missing);
    missing = '';
    local.kinesis.kinesis.putRecord('orders', { partitionKey: 'a', data: Buffer.from('a') });
    await vi.waitFor(() => expect(lines.join('\n')).toMatch(/"records":1.*"message":"batch"/), PATIENT);
    missing = 'kinesis:DeregisterStreamConsumer';
    await local.cluster.delete(KINDS.consumerGroup, ref);
    await isMissed(missing);
    expect(consumers()).toHaveLength(1);
    missing = '';
    // What is denied is tried again once a minute, or when somebody asks for it.
    const asked = { annotations: { 'example.com/try': 'again' } };
    await local.cluster.patchMetadata(
      KINDS.consumerGroup,
      (await local.cluster.get(KINDS.consumerGroup, ref))!,
      asked,
    );
    await vi.waitFor(
      async () => expect(await local.cluster.get(KINDS.consumerGroup, ref)).toBeUndefined(),
      PATIENT,
    );
    await vi.waitFor(() => expect(consumers()).toEqual([]), PATIENT);
  } finally {
    await local.stop();
  }
});
