import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWithCluster } from '../support/control-plane.ts';
import { NODE_UP_MS } from '../support/node-cluster.ts';
import { startNodeHarness, until, type NodeHarness } from './harness.ts';
import { group, heal, PODS, Troubles, type Figure } from './troubles.ts';

/*
 * How pods and nodes go, on two real kubelets: shards are read again, nothing is lost, and a drain delivers nothing twice.
 * `npm run bench -- node` measures the same. The tests go on from one another.
 */
describeWithCluster('a group whose pods or nodes go', 'node', () => {
  let kcg: NodeHarness;
  let troubles: Troubles;
  let stopProducer = async () => {};

  beforeAll(async () => {
    kcg = await startNodeHarness();
    kcg.kinesis.createStream({ name: 'orders', shardCount: PODS });
    // The operator stays on the first node, whatever becomes of the second.
    await kcg.install();
    await kcg.addNode();
    await kcg.apply(group(kcg.collectorUrl));
    stopProducer = kcg.produce('orders', 200);
    troubles = new Troubles(kcg);
  }, NODE_UP_MS);
  afterAll(async () => {
    heal();
    await stopProducer();
    await kcg?.stop();
  });

  const say = (what: string, { seconds, silence, twice }: Figure) =>
    console.log(
      `${what}: ${seconds.toFixed(2)} s, longest silence ${silence.toFixed(2)} s, ${twice} delivered twice`,
    );

  test('is read on when a pod is evicted', async () => {
    const figure = await troubles.evicted();
    say('eviction', figure);
    expect(figure.twice).toBe(0);
  });

  test('delivers nothing twice when a node is drained', async () => {
    const figure = await troubles.drained();
    say('drain', figure);
    expect(figure.twice).toBe(0);
  });

  test('is read on when the kernel ends a worker for want of memory', async () => {
    say('OOM kill', await troubles.outOfMemory());
  });

  test('is read on when a pod is deleted by force', async () => {
    say('force delete', await troubles.forceDeleted());
  });

  test('is read on when a node reaches nobody, and is whole when it does again', async () => {
    say('partition', await troubles.partitioned());
    await troubles.calm();
  });

  test('has its shards stay where they are when a kubelet ends', async () => {
    const { epochs, twice, silence } = await troubles.withoutKubelet();
    console.log(`kubelet ended: longest silence ${silence.toFixed(2)} s`);
    expect({ epochs, twice }).toEqual({ epochs: 0, twice: 0 });
  });

  test('is read on when a node is gone without a word, and whole when its object goes', async () => {
    say('node lost', await troubles.lost());
    const pods = await troubles.calm();
    expect(new Set(pods.map(({ spec }) => spec.nodeName))).toEqual(new Set(['node1']));
  });

  test('has lost nothing, and kept the order of every key', async () => {
    await stopProducer();
    await until('nothing is missing', () => kcg.tally.result().lost === 0);
    expect(kcg.tally.result().outOfOrder).toBe(0);
  });
});
