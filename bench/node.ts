import { startNodeHarness, until } from '../test/node/harness.ts';
import { group, heal, PODS, Troubles, type Figure } from '../test/node/troubles.ts';
import { spread } from './figures.ts';

/*
 * Failover as a user of Kubernetes has it: real containers on two real kubelets, the operator installed from the chart, a
 * handler in Go. The operator fences the worker as soon as the kubelet reports that its container ended; a stock kubelet
 * looks once a second, so half a second of that is its. Needs Linux, root and `npm run cluster:build`.
 */

type Print = (line: string) => void;

export async function node(runs: number, print: Print): Promise<void> {
  const kcg = await startNodeHarness();
  let stopProducer = async () => {};
  try {
    kcg.kinesis.createStream({ name: 'orders', shardCount: PODS });
    await kcg.install();
    await kcg.addNode();
    await kcg.apply(group(kcg.collectorUrl));
    stopProducer = kcg.produce('orders', 200);
    const troubles = new Troubles(kcg);
    print(`${PODS} shards, ${PODS} pods on two nodes, leases of 15 s, read every 0.2 s`);
    await measure('kill -9 of a worker', { runs, print, once: () => troubles.killed() });
    await measure('OOM kill of a worker', { runs, print, once: () => troubles.outOfMemory() });
    await measure('pod deleted by force', { runs, print, once: () => troubles.forceDeleted() });
    await measure('pod evicted', { runs, print, once: () => troubles.evicted() });
    await measure('node drained', { runs, print, once: () => troubles.drained() });
    await measure('node partitioned', { runs, print, once: () => troubles.partitioned() });
    const { epochs, silence } = await troubles.withoutKubelet();
    print(`kubelet ended: ${epochs} shards moved, longest silence ${silence.toFixed(2)} s`);
    await measure('node lost', { runs: 1, print, once: () => troubles.lost() });
    await stopProducer();
    await until('nothing is missing', () => kcg.tally.result().lost === 0);
    print(`lost 0, out of order ${kcg.tally.result().outOfOrder}`);
  } finally {
    heal();
    await stopProducer();
    await kcg.stop();
  }
}

async function measure(
  what: string,
  { runs, print, once }: { runs: number; print: Print; once: () => Promise<Figure> },
): Promise<void> {
  const figures: Figure[] = [];
  for (let run = 0; run < runs; run += 1) figures.push(await once());
  const of = (key: keyof Figure) => figures.map((figure) => figure[key]);
  print(`${what}, until its shards are read by others   ${spread(of('seconds'))}`);
  print(`  longest silence of a shard                  ${spread(of('silence'))}`);
  print(`  records delivered twice                     ${spread(of('twice'), 'records', 0)}`);
}
