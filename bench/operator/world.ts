import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startLocalDynamoDb, type LocalDynamoDb } from '../../src/dev/dynamodb/server.ts';
import { startLocalKinesis, type LocalKinesis } from '../../src/dev/kinesis/server.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog as log } from '../../src/lib/log.ts';
import { systemRandom as random } from '../../src/lib/random.ts';
import { KubeCluster } from '../../src/kubernetes/kube/cluster.ts';
import { loadKubeAccess } from '../../src/kubernetes/kube/config.ts';
import { PodsStandIn } from './pods-stand-in.ts';
import { incarnationOf, RowsStandIn, STAND_IN_MARK } from './rows-stand-in.ts';
import { WordsStandIn } from './words-stand-in.ts';
import type { Ask, Told, WorldOptions } from './world-messages.ts';

/* A process of its own: AWS on loopback, and the stand-in for the cluster's controllers, pods and workers. */

class World {
  /** The operator's calls alone. */
  readonly calls = new Map<string, number>();
  readonly #kinesis: LocalKinesis;
  readonly #dynamodb: LocalDynamoDb;
  readonly #rows: RowsStandIn;
  readonly #pods: PodsStandIn;

  private constructor(
    options: WorldOptions,
    { kinesis, dynamodb, words }: { kinesis: LocalKinesis; dynamodb: LocalDynamoDb; words: WordsStandIn },
  ) {
    this.#kinesis = kinesis;
    this.#dynamodb = dynamodb;
    dynamodb.fail((operation, input) => {
      if (STAND_IN_MARK in input) return undefined;
      this.#count(operation);
      return undefined;
    });
    kinesis.kinesis.faults = (operation) => {
      this.#count(operation);
      return undefined;
    };
    this.#rows = new RowsStandIn(clock, dynamodb.endpoint);
    const cluster = new KubeCluster({
      access: loadKubeAccess({ kubeconfig: options.kubeconfig }),
      clock,
      random,
      log,
      instance: 'stand-in',
      qps: 10_000,
      burst: 10_000,
    });
    this.#pods = new PodsStandIn({
      cluster,
      rows: this.#rows,
      shardIdsOf: ({ stream }) =>
        kinesis.kinesis.listShards(stream.name).shards.map(({ shardId }) => shardId),
      addressOf: (index) => words.addressOf(index),
    });
  }

  static async open(options: WorldOptions): Promise<World> {
    const kinesis = await startLocalKinesis({ clock, log });
    const dynamodb = await startLocalDynamoDb({ clock, log });
    for (let stream = 0; stream < options.streams; stream += 1) {
      kinesis.kinesis.createStream({ name: `stream-${stream}`, shardCount: options.shards });
    }
    const words = await WordsStandIn.open();
    const world = new World(options, { kinesis, dynamodb, words });
    const never = new AbortController().signal;
    world.#pods.run(never);
    void world.#rows.run(never, (worker) =>
      words.beat(worker.address, { incarnation: incarnationOf(worker), beat: worker.beat }),
    );
    return world;
  }

  get endpoints() {
    return { kinesis: this.#kinesis.endpoint, dynamodb: this.#dynamodb.endpoint };
  }

  async answer(ask: Ask): Promise<Told> {
    switch (ask.ask) {
      case 'fill':
        await this.#rows.putEnded(ask.fill!, ask.fill!.rows);
        break;
      case 'calls':
    }
    return { calls: Object.fromEntries(this.calls) };
  }

  #count(operation: string): void {
    this.calls.set(operation, (this.calls.get(operation) ?? 0) + 1);
  }
}

const world = await World.open(JSON.parse(process.argv[2] ?? '{}') as WorldOptions);
process.on('disconnect', () => process.exit());
process.on('message', (ask: Ask) => {
  void world.answer(ask).then((told) => process.send?.({ ...told, id: ask.id }));
});
const away: Server = createServer(() => {}).listen(0, '127.0.0.1', () => {
  const { port } = away.address() as AddressInfo;
  process.send?.({ id: 0, ...world.endpoints, away: `http://127.0.0.1:${port}` });
});
