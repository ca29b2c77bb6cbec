import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { CREATED_BY_TAG, GROUP_TAG } from '../../src/table/table-tags.ts';
import { Harness } from './reconcile-harness.ts';

/* What a group costs the API server on its way from nothing to ready. */

let h: Harness;
beforeEach(() => {
  h = new Harness({ instance: 'kcg-system/kcg-operator' });
  h.kinesis.createStream({ name: 'orders', shardCount: 2 });
  h.create();
});
afterEach(() => h.close());

/** Looks once a second, as changes of what belongs to the group would have it. @returns Ready's reason after each */
async function look(times: number): Promise<(string | undefined)[]> {
  const reasons: (string | undefined)[] = [];
  for (let time = 0; time < times; time += 1) {
    await h.reconcile();
    reasons.push(await h.condition('Ready'));
    await h.clock.advance(1_000);
  }
  return reasons;
}

function table(status: 'CREATING' | 'ACTIVE'): void {
  const tags = { [CREATED_BY_TAG]: 'kcg', [GROUP_TAG]: 'shop.orders' };
  h.foreignTable(undefined, { status, tags });
}

const writes = () => {
  const counts: Record<string, number> = {};
  for (const { verb, on } of h.kubeWrites()) {
    const what = `${verb} ${on.split(' ')[0]}`;
    counts[what] = (counts[what] ?? 0) + 1;
  }
  return counts;
};

test('a group whose table and pods come within seconds is told of twice: when it is begun, and when it is ready', async () => {
  table('CREATING');
  expect(await look(4)).toEqual(Array(4).fill('False TableCreating'));
  table('ACTIVE');
  // Its Deployment is there, and its pods may be ready in a moment.
  expect(await look(2)).toEqual(Array(2).fill('False TableCreating'));
  expect(await h.replicas()).toBe(2);
  await h.runWorkers();
  expect((await look(4)).at(-1)).toBe('True Available');
  expect(writes()).toEqual({
    'patchMetadata KinesisConsumerGroup': 2,
    'apply Deployment': 1,
    'apply PodDisruptionBudget': 1,
    'applyStatus KinesisConsumerGroup': 2,
  });
});

test('pods that take longer are told of three seconds after they were asked for', async () => {
  table('CREATING');
  await look(4);
  table('ACTIVE');
  while ((await h.replicas()) === undefined) await look(1);
  const told = Array(2).fill('False TableCreating');
  expect(await look(4)).toEqual([...told, ...Array(2).fill('False WorkersStarting')]);
  expect(writes()['applyStatus KinesisConsumerGroup']).toBe(2);
});

test('a look comes when what it is for is due, and no sooner', async () => {
  table('CREATING');
  const looks = vi.spyOn(h.tables, 'admin');
  for (let look = 1; look <= 8; look += 1) {
    const inMs = await h.reconcile();
    expect(looks).toHaveBeenCalledTimes(look);
    await h.clock.advance(inMs ?? 0);
  }
  table('ACTIVE');
  while ((await h.replicas()) === undefined) await look(1);
  await h.clock.advance((await h.reconcile()) ?? 0);
  await h.reconcile();
  expect(await h.condition('Ready')).toBe('False WorkersStarting');
});

test('what is in the way is told at once', async () => {
  table('CREATING');
  await look(4);
  table('ACTIVE');
  h.faults.set('apply Deployment', new KcgError('InvalidInput', 'no such quantity'));
  while (!h.calls.includes('apply Deployment')) await look(1);
  expect(await h.condition('Ready')).toBe('False TemplateRejected');
});
