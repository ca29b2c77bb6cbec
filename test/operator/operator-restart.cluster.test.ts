import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { longTest } from '../support/long-test.ts';
import { until } from '../support/until.ts';
import { Site, type OperatorProcess } from './operator-process.ts';

/*
 * Operators that are killed, replaced and frozen: whatever changed meanwhile, the groups end as they say. No pod runs here:
 * what counts is what the operator makes.
 */

const NAMESPACE = 'shop';
let site: Site;
let client: DynamoDBClient;

beforeAll(async () => {
  site = await Site.open();
  site.kinesis.kinesis.createStream({ name: 'orders', shardCount: 8 });
  client = new DynamoDBClient({ region: 'eu-west-1', endpoint: site.dynamodb.endpoint });
  await site.kubectl(`create namespace ${NAMESPACE}`);
  await site.kubectl('create namespace kcg-system');
});
afterAll(async () => {
  client?.destroy();
  await site?.close();
});

interface Wish {
  replicas: number;
  note?: string;
  policy?: string;
}

const group = (name: string, { replicas, note = 'none', policy = 'Retain' }: Wish) => `---
apiVersion: kcg.dev/v1alpha1
kind: KinesisConsumerGroup
metadata: {name: ${name}, namespace: ${NAMESPACE}}
spec:
  stream: {name: orders}
  region: eu-west-1
  handler: {log: {}}
  scaling: {mode: External, replicas: ${replicas}}
  checkpoints: {deletionPolicy: ${policy}}
  template: {metadata: {annotations: {note: "${note}"}}}
`;

interface Deployment {
  metadata: { uid: string };
  spec: { replicas: number; template: { metadata: { annotations: Record<string, string> } } };
}

/** The Deployment of a group once it is as wished. */
function made(name: string, { replicas, note = 'none' }: Wish): Promise<Deployment> {
  return until(`${name} with ${replicas} workers and the note ${note}`, async () => {
    const found = await site.get<Deployment>('deployment', `${name}-worker`, NAMESPACE);
    const isSo =
      found?.spec.replicas === replicas && found.spec.template.metadata.annotations['note'] === note;
    return isSo ? found : undefined;
  });
}

const tables = async () => (await client.send(new ListTablesCommand({}))).TableNames ?? [];
const tableOf = (name: string) => `kinesis-checkpoints-${NAMESPACE}-${name}`;
const conditions = (name: string) => site.conditions(name, NAMESPACE);

describe('an operator that is killed', () => {
  longTest('at any moment of a group beginning, is followed by one that ends it', async () => {
    for (const [index, afterMs] of [0, 150, 400, 800, 1_200, 2_000, 3_000].entries()) {
      const name = `begun-${index}`;
      const operator = await site.startOperator().works();
      await site.apply(group(name, { replicas: 1 }));
      await setTimeout(afterMs);
      expect(await operator.end('SIGKILL')).toBe('SIGKILL');
      const next = await site.startOperator().works();
      await made(name, { replicas: 1 });
      const seen = async () => {
        const { GroupClaimed, StreamReady, TableReady } = await conditions(name);
        return [GroupClaimed, StreamReady, TableReady].join();
      };
      const wanted = 'True Claimed,True StreamActive,True TableActive';
      await until(`${name} is ${wanted}`, async () => (await seen()) === wanted, 300, seen);
      await next.end('SIGKILL');
    }
    const left = (await tables()).filter((name) => name.includes('begun'));
    expect(left).toEqual(Array.from({ length: 7 }, (_, index) => tableOf(`begun-${index}`)));
  });

  test('misses nothing that changes before its successor comes', async () => {
    const names = ['scaled', 'rolled', 'healed', 'removed', 'released'];
    const policy = (name: string) => (name === 'removed' ? 'Delete' : 'Retain');
    const operator = await site.startOperator().works();
    for (const name of names) await site.apply(group(name, { replicas: 1, policy: policy(name) }));
    const before = new Map<string, Deployment>();
    for (const name of names) before.set(name, await made(name, { replicas: 1 }));
    await until(
      'a finalizer',
      async () => (await site.get('group', 'removed', NAMESPACE))?.metadata.finalizers,
    );
    await operator.end('SIGKILL');

    await site.apply(
      group('scaled', { replicas: 3 }) +
        group('rolled', { replicas: 1, note: 'new' }) +
        group('added', { replicas: 2 }),
    );
    await site.kubectl(`delete deployment healed-worker -n ${NAMESPACE}`);
    await site.kubectl(`delete kcg removed -n ${NAMESPACE} --wait=false`);
    // Nothing is to be undone for this one, so it needs no operator to go.
    await site.kubectl(`delete kcg released -n ${NAMESPACE} --timeout=300s`);
    expect((await site.get('group', 'removed', NAMESPACE))?.metadata.deletionTimestamp).toBeDefined();

    const next = await site.startOperator().works();
    await made('scaled', { replicas: 3 });
    await made('rolled', { replicas: 1, note: 'new' });
    await made('added', { replicas: 2 });
    const healed = await made('healed', { replicas: 1 });
    expect(healed.metadata.uid).not.toBe(before.get('healed')?.metadata.uid);
    await site.kubectl(`wait --for=delete kcg/removed -n ${NAMESPACE} --timeout=300s`);
    await until('no table', async () => !(await tables()).includes(tableOf('removed')));
    expect(await tables()).toContain(tableOf('released'));
    expect(await next.end('SIGTERM')).toBe(0);
  });
});

describe('of two operators with leader election', () => {
  const candidate = (name: string): OperatorProcess =>
    site.startOperator('--leader-elect', '--namespace', 'kcg-system', '--pod-name', name);
  const follows = (operator: OperatorProcess) => operator.says('leader election', { state: 'following' });
  const looks = (operator: OperatorProcess) => operator.metric('kcg_operator_reconciles_total');
  const led = 'led';

  test('one works, and at its SIGTERM or kill -9 the other goes on without a missed change', async () => {
    const first = await candidate('first').works();
    const second = candidate('second');
    expect(String((await follows(second))['leader'])).toMatch(/^first_/);
    await site.apply(group(led, { replicas: 1 }));
    await made(led, { replicas: 1 });
    // A look is counted at its end.
    await until('a look of the first', async () => (await looks(first)) > 0);
    expect(await looks(second)).toBe(0);

    // One change the old leader may or may not have begun, and one that none has seen.
    await site.apply(group(led, { replicas: 2 }) + group('during-stop', { replicas: 1 }));
    first.signal('SIGTERM');
    await site.apply(group(led, { replicas: 2, note: 'after' }));
    expect(await first.exited).toBe(0);
    await first.says('leader election', { state: 'released' });
    await second.works();
    await made(led, { replicas: 2, note: 'after' });
    await made('during-stop', { replicas: 1 });

    const third = candidate('third');
    expect(String((await follows(third))['leader'])).toMatch(/^second_/);
    await site.apply(group(led, { replicas: 3 }));
    await second.end('SIGKILL');
    await site.apply(group(led, { replicas: 3, note: 'killed' }) + group('during-kill', { replicas: 1 }));
    await third.works();
    await made(led, { replicas: 3, note: 'killed' });
    await made('during-kill', { replicas: 1 });
    expect(await third.end('SIGTERM')).toBe(0);
  });

  longTest('one that was frozen gives way when it wakes, and writes nothing', async () => {
    const frozen = await candidate('frozen').works();
    const other = candidate('other');
    await follows(other);
    frozen.signal('SIGSTOP');
    await site.apply(group(led, { replicas: 4 }));
    await other.works();
    await made(led, { replicas: 4 });
    // An Event that it held back tells, when it wakes, of what it did while it led.
    const changes = async () => {
      const writes = Object.entries(await site.kubeWrites());
      return JSON.stringify(writes.filter(([what]) => !what.endsWith(' events')));
    };
    await until('nothing to write', async () => {
      const written = await changes();
      await setTimeout(8_000);
      return written === (await changes());
    });
    // Whatever is written now is written by the one that wakes.
    other.signal('SIGSTOP');
    const before = await changes();
    frozen.signal('SIGCONT');
    expect(await frozen.exited).toBe(1);
    await frozen.says('leadership lost');
    expect(await changes()).toBe(before);
    other.signal('SIGCONT');
    await other.end('SIGTERM');
  });
});
