import { systemClock as clock } from '../src/lib/clock.ts';
import { isReady, startNodeHarness, until } from '../test/node/harness.ts';
import { spread } from './figures.ts';

/*
 * Failover as a user of Kubernetes has it: real containers on a real kubelet, the operator installed from the chart, a
 * handler in Go. The operator fences the worker as soon as the kubelet reports that its container ended; a stock kubelet
 * looks once a second, so half a second of this is its. Needs Linux, root and `npm run cluster:build`.
 */

const PODS = 4;

export async function node(runs: number, print: (line: string) => void): Promise<void> {
  const kcg = await startNodeHarness();
  let stopProducer = async () => {};
  try {
    kcg.kinesis.createStream({ name: 'orders', shardCount: PODS });
    await kcg.install();
    await kcg.apply(group(kcg.collectorUrl));
    stopProducer = kcg.produce('orders', 200);
    const seconds: number[] = [];
    const before = kcg.tally.result().duplicated;
    for (let run = 0; run < runs; run += 1) {
      const owners = async () => (await kcg.status('orders')).shards?.map(({ owner }) => owner) ?? [];
      const readyPods = async () => (await kcg.pods('orders')).filter(isReady);
      await until(
        'all is calm',
        async () => (await readyPods()).length === PODS && new Set(await owners()).size === PODS,
      );
      const [victim] = await readyPods();
      const { name } = victim!.metadata;
      const shards = kcg.tally.shardsOf(name);
      const pid = await kcg.pidOf({ namespace: 'shop', name, container: 'worker' });
      const killedAt = clock.monotonic();
      process.kill(pid, 'SIGKILL');
      await until('its shards are read again', () =>
        shards.every((id) => (kcg.tally.latest(id)?.atMs ?? 0) > killedAt + 100),
      );
      seconds.push((Math.max(...shards.map((id) => kcg.tally.latest(id)?.atMs ?? 0)) - killedAt) / 1_000);
      // A new pod: the kubelet would start the same container ever more slowly.
      await kcg.kubectl('delete', 'pod', name);
    }
    await stopProducer();
    await until('nothing is missing', () => kcg.tally.result().lost === 0);
    const { duplicated, outOfOrder } = kcg.tally.result();
    print(`${PODS} shards, ${PODS} pods, leases of 15 s, read every 0.2 s`);
    print(`kill -9 of a worker's container, until its shards are read again   ${spread(seconds)}`);
    print(`lost 0, out of order ${outOfOrder}, delivered twice ${duplicated - before}`);
  } finally {
    await stopProducer();
    await kcg.stop();
  }
}

const group = (collectorUrl: string) => `
apiVersion: kcg.dev/v1alpha1
kind: KinesisConsumerGroup
metadata: {name: orders}
spec:
  stream: {name: orders}
  region: eu-west-1
  consumer: {type: Polling, pollIntervalMillis: 200}
  handler: {http: {container: app, port: 8080}}
  template:
    spec:
      dnsPolicy: Default
      containers:
      - name: app
        image: localhost/http-go:1
        env:
        - {name: COLLECTOR_URL, value: "${collectorUrl}"}
        - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
      - name: worker
        env: [{name: AWS_ACCESS_KEY_ID, value: test}, {name: AWS_SECRET_ACCESS_KEY, value: test}]
`;
