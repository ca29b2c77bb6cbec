import { setTimeout as sleep } from 'node:timers/promises';
import { createDynamoDbClient } from '../../../src/aws/dynamodb-client.ts';
import { startLocalDynamoDb } from '../../../src/dev/dynamodb/server.ts';
import { startLocalKinesis } from '../../../src/dev/kinesis/server.ts';
import type { MemoryKinesis } from '../../../src/kinesis/memory/stream.ts';
import type { Checkpoint } from '../../../src/kinesis/position.ts';
import { parentsOf } from '../../../src/kinesis/shard.ts';
import { openLeaseTable } from '../../../src/leases/dynamodb/lease-table.ts';
import { putShard } from '../../../src/leases/transitions.ts';
import { systemClock as clock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { runExportCommand } from '../../../src/main/verbs/export.ts';
import { createStream, createTable } from '../../support/local-table.ts';
import { startProgram } from '../../support/peer-programs.ts';
import { RECIPES } from './recipes.ts';
import { encodeAggregate } from '../../support/encode-aggregate.ts';

type Name = 'kcl-3' | 'async-kinesis';

/** A quarter of all hash keys begins there. */
const quarter = (n: number) => (BigInt(n) * (1n << 126n)).toString();

/** A stream and how far a group has got in it. */
class Scene {
  readonly positions = new Map<string, Checkpoint>();
  /** What is left to read, as the program prints it: payloads in async-kinesis, numbers in KCL, with the user record of an aggregate. */
  readonly left: string[] = [];
  readonly #kinesis: MemoryKinesis;
  readonly #name: Name;
  #puts = 0;

  constructor(kinesis: MemoryKinesis, name: Name) {
    this.#kinesis = kinesis;
    this.#name = name;
  }

  /** Records at the beginning of a quarter, of which so many are done; `undefined`: the shard has begun nowhere yet. */
  put(n: number, count: number, done: number | undefined): void {
    for (let i = 0; i < count; i += 1) {
      const text = `payload-${(this.#puts += 1)}`;
      const entry = { partitionKey: 'k', explicitHashKey: quarter(n), data: Buffer.from(text) };
      const { shardId, sequence } = this.#kinesis.putRecord('orders', entry);
      if (i === 0 && done === undefined) this.positions.set(shardId, { at: 'TRIM_HORIZON' });
      if (i + 1 === done) this.positions.set(shardId, { at: 'SEQUENCE', sequence });
      if (i >= (done ?? 0)) this.left.push(this.#name === 'kcl-3' ? sequence : text);
    }
  }

  /** Four user records in one, of which two are done. */
  putAggregate(n: number): void {
    const user = { partitionKey: 'k', explicitHashKey: quarter(n), data: Buffer.from('payload') };
    const data = encodeAggregate([user, user, user, user]);
    const { shardId, sequence } = this.#kinesis.putRecord('orders', { ...user, data });
    this.positions.set(shardId, { at: 'SEQUENCE', sequence, subSequence: 1 });
    this.left.push(`${sequence}+2`, `${sequence}+3`);
  }

  async split(shardId: string, n: number): Promise<void> {
    this.#kinesis.splitShard('orders', shardId, quarter(n));
    while (this.#kinesis.describe('orders').status !== 'ACTIVE') await sleep(50);
  }
}

/** Of two shards that were split, one is finished and one of its children has begun; the other is not, and has its children wait. */
async function aReshardedStream(kinesis: MemoryKinesis, name: Name): Promise<Scene> {
  const scene = new Scene(kinesis, name);
  await createStream(kinesis, 'orders', 2);
  const [first, second] = kinesis.listShards('orders').shards.map(({ shardId }) => shardId) as [
    string,
    string,
  ];
  scene.put(0, 3, 3);
  scene.put(2, 3, 3);
  if (name === 'kcl-3') scene.putAggregate(2);
  else scene.put(2, 1, 1);
  scene.put(2, 2, 0);
  await scene.split(first, 1);
  await scene.split(second, 3);
  scene.positions.set(first, { at: 'SHARD_END' });
  scene.put(0, 3, 1);
  for (const n of [1, 2, 3]) scene.put(n, 2, undefined);
  return scene;
}

/**
 * What a group has left is exported, and the real program reads on. Both lists are sorted, and name what came twice once: each program
 * hands out again what it had read when a lease of its own, of three seconds, ended before it had its turn.
 */
export async function readOn(name: Name): Promise<{ expected: string[]; read: string[] }> {
  const server = await startLocalKinesis();
  const dynamodb = await startLocalDynamoDb({ clock, log: silentLog });
  process.env['AWS_ACCESS_KEY_ID'] = process.env['AWS_SECRET_ACCESS_KEY'] = 'local';
  const client = createDynamoDbClient({ region: 'eu-west-1', endpoint: dynamodb.endpoint });
  const { positions, left } = await aReshardedStream(server.kinesis, name);
  await createTable(client, 'own');
  const table = await openLeaseTable({ client, clock, tableName: 'own', groupId: 'g' });
  for (const shard of server.kinesis.listShards('orders').shards) {
    const { shardId, hashStart, hashEnd } = shard;
    const lease = {
      shardId,
      parents: parentsOf(shard),
      hashStart,
      hashEnd,
      checkpoint: positions.get(shardId)!,
    };
    while (!(await table.write(putShard(lease, clock.now())).catch(() => undefined))) await sleep(100);
  }
  const { endpoint: kinesis } = server;
  const places = ['--kinesis-endpoint', kinesis, '--dynamodb-endpoint', dynamodb.endpoint];
  const of = ['--group', 'g', '--stream', 'orders', '--table', 'own', '--region', 'eu-west-1'];
  const to = ['--to', RECIPES[name]!.program, '--to-table', 'app'];
  const code = await runExportCommand([...of, ...to, ...places], process.env, new AbortController().signal);
  if (code !== 0) throw new Error(`export ended with ${code}`);
  const at = { stream: 'orders', table: 'app', kinesis, dynamodb: dynamodb.endpoint, createdAt: 0 };
  const { command, env = {} } = await RECIPES[name]!.start(at);
  const program = startProgram(command, { env });
  const recordsRead = () => new Set([...program.text().matchAll(/record (\S+)/g)].map(([, what]) => what!));
  const until = clock.monotonic() + 600_000;
  while (recordsRead().size < left.length && clock.monotonic() < until) await sleep(200);
  await program.stop();
  const read = recordsRead();
  client.destroy();
  await server.close();
  await dynamodb.close();
  return { expected: left.toSorted(), read: [...read].toSorted() };
}
