import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { KINDS, type KubeObject, type StoredObject } from '../../src/kubernetes/cluster.ts';
import { aLog } from '../runtime/handlers/a-batch.ts';
import { Harness, NAME } from './reconcile-harness.ts';

const FAN_OUT = { consumer: { type: 'EnhancedFanOut' } };
let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 3 });
});
afterEach(() => h.close());

const create = (spec: Record<string, unknown> = FAN_OUT) => h.create(spec);
const consumers = () =>
  h.kinesis
    .stream('orders')
    .consumers.list(h.clock.now())
    .map(({ name }) => name);
const arnOf = (name = 'shop.orders') => h.kinesis.stream('orders').consumers.get(name, h.clock.now()).arn;
const finalizers = async () => (await h.group()).metadata.finalizers ?? [];
const gone = async () => (await h.cluster.get(KINDS.consumerGroup, NAME)) === undefined;
const events = () => h.cluster.writes.filter(({ verb }) => verb === 'recordEvent').length;
/** Makes the consumer's life take a while. */
const slow = (status: 'CREATING') => {
  const call = h.kinesis.call.bind(h.kinesis);
  h.kinesis.call = (operation, shardId, signal, work) =>
    call(operation, shardId, signal, () => {
      const result = work();
      const isConsumer = /^(Register|Describe)StreamConsumer$/.test(operation) && result !== undefined;
      return isConsumer ? Object.assign({}, result, { status }) : result;
    });
  return () => (h.kinesis.call = call);
};
const started = async (spec?: Record<string, unknown>) => {
  create(spec);
  await h.converge();
  await h.runWorkers();
  await h.converge();
};
const stopPods = async () => {
  for (const pod of await h.cluster.list(KINDS.pod)) h.cluster.remove(KINDS.pod, pod.metadata as never);
};

describe('a group with enhanced fan-out', () => {
  test('registers a stream consumer of its id, and tells its workers and everybody which', async () => {
    await started();
    expect(consumers()).toEqual(['shop.orders']);
    expect((await h.workerConfig())?.consumerArn).toBe(arnOf());
    expect(await h.condition('StreamReady')).toBe('True StreamActive');
    expect(await h.message('StreamReady')).toBe(
      'stream orders is ACTIVE, stream consumer shop.orders is ACTIVE',
    );
    expect((await h.status()).stream?.consumer).toEqual({
      name: 'shop.orders',
      arn: arnOf(),
      status: 'ACTIVE',
      created: true,
    });
    expect(await finalizers()).toEqual(['kcg.dev/cleanup']);
  });

  test('starts no workers before it is ACTIVE', async () => {
    const go = slow('CREATING');
    create();
    await h.converge();
    expect(await h.deployment()).toBeUndefined();
    expect(await h.condition('StreamReady')).toBe('False ConsumerCreating');
    expect(await h.condition('Reconciling')).toBe('True Provisioning');
    go();
    await h.clock.advance(3_000);
    await h.converge();
    expect((await h.workerConfig())?.consumerArn).toBe(arnOf());
  });

  test('has none once its range is read, and one again before workers begin anew', async () => {
    const range = { from: '2026-01-01T00:00:00Z', to: '2026-01-01T01:00:00Z' };
    await started({ ...FAN_OUT, range });
    const complete = async (completed_at: number | undefined) => {
      const { completed_at: _, ...claim } = (await h.table().get('group#claim', { consistent: true }))!;
      h.table().store('group#claim', { ...claim, ...(completed_at ? { completed_at } : {}) });
      await h.clock.advance(60_000);
      await h.converge();
    };
    await complete(h.clock.now());
    expect(await h.replicas()).toBe(0);
    expect(consumers()).toEqual(['shop.orders']);
    await stopPods();
    await h.converge();
    expect(consumers()).toEqual([]);
    expect(await h.condition('Ready')).toBe('True RangeRead');
    const noted = () => h.kubeWrites().filter(({ verb }) => verb === 'patchMetadata').length;
    const before = noted();
    h.rowFault = new KcgError('Unavailable', 'no network');
    for (let look = 0; look < 5; look += 1) {
      await h.clock.advance(60_000);
      await h.reconcile().catch(() => {});
    }
    expect(consumers()).toEqual([]);
    // Nor was one registered, and removed again.
    expect(noted()).toBe(before);
    h.rowFault = undefined;
    const go = slow('CREATING');
    await complete(undefined);
    expect(consumers()).toEqual(['shop.orders']);
    expect(await h.replicas()).toBe(0);
    go();
    await h.clock.advance(3_000);
    await h.converge();
    expect(await h.replicas()).toBe(3);
    expect((await h.workerConfig())?.consumerArn).toBe(arnOf());
  });

  test('uses one that is there, and leaves it when the group goes', async () => {
    h.kinesis.stream('orders').consumers.register('ours', h.clock.now());
    await started({ consumer: { type: 'EnhancedFanOut', name: 'ours' } });
    expect((await h.workerConfig())?.consumerArn).toBe(arnOf('ours'));
    expect((await h.status()).stream?.consumer?.created).toBe(false);
    expect(await finalizers()).toEqual([]);
    h.cluster.remove(KINDS.consumerGroup, NAME);
    expect(await gone()).toBe(true);
    await h.reconcile();
    expect(consumers()).toEqual(['ours']);
  });

  test('removes none of another stream, whatever its annotations say', async () => {
    h.kinesis.createStream({ name: 'payments', shardCount: 1 });
    const { arn: streamArn, consumers: theirs } = h.kinesis.stream('payments');
    theirs.register('pay', h.clock.now());
    await started({});
    h.setGroup((_, { metadata }) => {
      const made = [{ streamArn, name: 'pay' }];
      const record = JSON.stringify({ uid: (metadata as StoredObject['metadata']).uid, made });
      metadata.annotations = { ...metadata.annotations, 'kcg.dev/stream-consumers': record };
    });
    await h.converge();
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconcile();
    expect(theirs.list(h.clock.now())).toHaveLength(1);
    expect(await gone()).toBe(true);
  });

  test('leaves what it has registered to another group that reads with it, and tells so where it can be read later', async () => {
    const { lines } = (h.log = aLog());
    h.restart();
    await started();
    h.create({ consumer: { type: 'EnhancedFanOut', name: 'shop.orders' } }, { name: 'other' });
    await h.converge('shop/other');
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconcile();
    await stopPods();
    await h.reconcile();
    expect(await gone()).toBe(true);
    expect(consumers()).toEqual(['shop.orders']);
    const kept = h.cluster.events.find(({ reason }) => reason === 'ConsumerKept');
    const note = 'stream consumer shop.orders stays, as group shop/other reads with it';
    expect(kept?.note).toBe(note);
    expect(lines.filter(({ level }) => level === 'warn')).toEqual([
      {
        level: 'warn',
        message: 'something of a group stays in AWS',
        fields: { group: 'shop/orders', reason: 'ConsumerKept', note },
      },
    ]);
  });

  test('is found again after a restart, without a write', async () => {
    await started();
    const before = [h.writeCount(), events()];
    h.restart();
    await h.reconcile();
    expect([h.writeCount(), events()]).toEqual(before);
    expect(consumers()).toEqual(['shop.orders']);
    expect((await h.status()).stream?.consumer?.created).toBe(true);
  });

  test.each([
    ['while the operator runs', () => {}],
    ['between two operators', () => h.restart()],
  ])('is still removed with the group when somebody replaces its annotations %s', async (_, restart) => {
    await started();
    const { annotations } = (await h.group()).metadata;
    const replaced = (draft: KubeObject) => {
      delete draft.metadata.annotations;
      delete draft.metadata.finalizers;
    };
    h.cluster.update(KINDS.consumerGroup, NAME, replaced, 'kubectl-replace');
    restart();
    await h.clock.advance(120_000);
    await h.converge();
    expect((await h.group()).metadata.annotations).toEqual(annotations);
    expect((await h.status()).stream?.consumer?.created).toBe(true);
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconcile();
    await stopPods();
    await h.reconcile();
    expect(consumers()).toEqual([]);
  });

  test('removes what it has registered, after its workers, also with Retain', async () => {
    await started();
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconcile();
    expect(await h.deployment()).toBeUndefined();
    expect(consumers()).toEqual(['shop.orders']);
    await stopPods();
    await h.reconcile();
    expect(consumers()).toEqual([]);
    expect(h.tables.tables.size).toBe(1);
    if (!(await gone())) await h.reconcile();
    expect(await gone()).toBe(true);
  });

  test('does not lose sight of one whose registration got no answer', async () => {
    const lost = new KcgError('Timeout', 'no answer');
    h.kinesis.faults = (operation) =>
      operation === 'RegisterStreamConsumer' ? { afterEffect: lost } : undefined;
    create();
    await Promise.allSettled([h.converge(), h.converge()]);
    expect(consumers()).toEqual(['shop.orders']);
    h.kinesis.faults = undefined;
    h.restart();
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconcile();
    await h.reconcile();
    expect(consumers()).toEqual([]);
    expect(await gone()).toBe(true);
  });

  test('removes one whose registration got no answer and that did not show at once', async () => {
    const lost = new KcgError('Timeout', 'no answer');
    h.kinesis.faults = (operation) =>
      operation === 'RegisterStreamConsumer' ? { afterEffect: lost } : undefined;
    create();
    await Promise.allSettled([h.converge()]);
    h.kinesis.faults = undefined;
    // Kinesis shows it a moment later.
    const call = h.kinesis.call.bind(h.kinesis);
    h.kinesis.call = (operation, shardId, signal, work) => {
      if (operation !== 'DescribeStreamConsumer') return call(operation, shardId, signal, work);
      h.kinesis.call = call;
      return Promise.resolve(undefined as never);
    };
    await h.clock.advance(10_000);
    await Promise.allSettled([h.converge()]);
    await h.clock.advance(10_000);
    await h.converge();
    expect((await h.status()).stream?.consumer).toMatchObject({ status: 'ACTIVE', created: true });
    h.cluster.remove(KINDS.consumerGroup, NAME);
    for (let pass = 0; pass < 2; pass += 1) {
      await h.reconcile();
      await stopPods();
    }
    expect(consumers()).toEqual([]);
  });

  test('does not take one for its own that somebody else has made at the same moment', async () => {
    const taken = new KcgError('Conflict', 'it exists');
    h.kinesis.faults = (operation) => {
      if (operation !== 'RegisterStreamConsumer') return undefined;
      h.kinesis.stream('orders').consumers.register('shop.orders', h.clock.now());
      h.kinesis.faults = undefined;
      return taken;
    };
    create();
    await Promise.allSettled([h.converge()]);
    await h.clock.advance(10_000);
    await h.converge();
    expect((await h.status()).stream?.consumer).toMatchObject({ status: 'ACTIVE', created: false });
    expect(await finalizers()).toEqual([]);
  });

  test.each([
    ['AccessDenied', 'False ConsumerRefused'],
    ['LimitExceeded', 'False ConsumerRefused'],
    ['Unavailable', 'Unknown StreamUnreachable'],
  ] as const)('says %s of the registration as %s', async (code, condition) => {
    h.kinesis.faults = (operation) =>
      operation === 'RegisterStreamConsumer' ? new KcgError(code, 'said Kinesis') : undefined;
    create();
    await Promise.allSettled([h.converge()]);
    expect(await h.condition('StreamReady')).toBe(condition);
    expect(await h.message('StreamReady')).toContain('said Kinesis');
    expect(await h.deployment()).toBeUndefined();
  });

  test('lets its workers go on while nobody answers for the consumer', async () => {
    await started();
    h.kinesis.faults = (operation) =>
      operation === 'DescribeStreamConsumer' ? new KcgError('Unavailable', 'no network') : undefined;
    await h.clock.advance(120_000);
    await Promise.allSettled([h.reconcile()]);
    expect((await h.workerConfig())?.consumerArn).toBe(arnOf());
    expect(await h.condition('StreamReady')).toBe('True StreamActive');
    h.restart();
    await Promise.allSettled([h.reconcile()]);
    expect((await h.workerConfig())?.consumerArn).toBe(arnOf());
  });

  test('registers one again that somebody has removed, and gives the workers the new one', async () => {
    await started();
    const before = arnOf();
    h.kinesis.stream('orders').consumers.deregister('shop.orders', h.clock.now());
    await h.clock.advance(120_000);
    await h.converge();
    expect(arnOf()).not.toBe(before);
    expect((await h.workerConfig())?.consumerArn).toBe(arnOf());
  });

  test('changes from polling and back in place: the consumer goes when no pod reads with it', async () => {
    await started({});
    expect((await h.workerConfig())?.consumerArn).toBeUndefined();
    h.setGroup((spec) => (spec['consumer'] = { type: 'EnhancedFanOut' }));
    await h.converge();
    expect((await h.workerConfig())?.consumerArn).toBe(arnOf());
    await h.runWorkers();
    await h.converge();
    h.setGroup((spec) => (spec['consumer'] = { type: 'Polling' }));
    await h.converge();
    expect((await h.workerConfig())?.consumerArn).toBeUndefined();
    expect(consumers()).toEqual(['shop.orders']);
    await h.runWorkers();
    await h.converge();
    expect(consumers()).toEqual([]);
    expect(await finalizers()).toEqual([]);
    expect((await h.status()).stream?.consumer).toBeUndefined();
  });

  test('registers a new consumer when it comes back, however soon, and gives no worker the one it removed', async () => {
    await started();
    const before = arnOf();
    h.setGroup((spec) => (spec['consumer'] = { type: 'Polling' }));
    await h.converge();
    await h.runWorkers();
    await h.converge();
    expect(consumers()).toEqual([]);
    await h.clock.advance(2_000);
    h.setGroup((spec) => (spec['consumer'] = { type: 'EnhancedFanOut' }));
    await h.converge();
    expect(consumers()).toEqual(['shop.orders']);
    expect(arnOf()).not.toBe(before);
    expect((await h.workerConfig())?.consumerArn).toBe(arnOf());
  });

  test('keeps the old consumer until the one of another name serves and all pods have it', async () => {
    await started();
    const go = slow('CREATING');
    h.setGroup((spec) => (spec['consumer'] = { type: 'EnhancedFanOut', name: 'another' }));
    await h.converge();
    expect((await h.workerConfig())?.consumerArn).toBe(arnOf());
    expect(consumers()).toEqual(['another', 'shop.orders']);
    go();
    await h.clock.advance(3_000);
    await h.converge();
    expect((await h.workerConfig())?.consumerArn).toBe(arnOf('another'));
    expect(consumers()).toEqual(['another', 'shop.orders']);
    await h.runWorkers();
    await h.converge();
    expect(consumers()).toEqual(['another']);
  });

  test('says at once what keeps its table, when only its consumer could be removed', async () => {
    await started({ ...FAN_OUT, checkpoints: { deletionPolicy: 'Delete' } });
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconcile();
    await stopPods();
    h.tables.fault = new KcgError('AccessDenied', 'may not call dynamodb:DescribeTable');
    await h.reconcile();
    expect(consumers()).toEqual([]);
    expect(await h.message('Ready')).toMatch(/may not call dynamodb:DescribeTable.*deletionPolicy to Retain/);
    h.tables.fault = undefined;
    await h.reconcile();
    expect(await gone()).toBe(true);
  });

  test('goes without its consumer removed only by hand, and says how', async () => {
    await started();
    h.kinesis.faults = (operation) =>
      operation === 'DeregisterStreamConsumer' ? new KcgError('AccessDenied', 'not allowed') : undefined;
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconcile();
    await stopPods();
    await h.reconcile();
    expect(await h.message('Ready')).toContain('not allowed');
    expect(await h.message('Ready')).toContain('take the finalizer kcg.dev/cleanup off');
  });

  test('removes what is recorded of it when its spec cannot be read any more', async () => {
    await started();
    h.setGroup((spec) => (spec['stream'] = {}));
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconcile();
    await stopPods();
    await h.reconcile();
    expect(consumers()).toEqual([]);
    if (!(await gone())) await h.reconcile();
    expect(await gone()).toBe(true);
  });

  test('stays, and says why, when nothing says where its consumer is', async () => {
    await started();
    h.setGroup((spec) => {
      spec['stream'] = {};
      spec['endpoints'] = { kinesis: 'nonsense' };
    });
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.converge();
    expect(consumers()).toEqual(['shop.orders']);
    expect(await h.message('Ready')).toMatch(
      /spec does not say.*leaves stream consumer shop\.orders as it is/,
    );
    h.setGroup((spec) => delete spec['endpoints']);
    await h.reconcile();
    await stopPods();
    await h.reconcile();
    expect(consumers()).toEqual([]);
  });
});
