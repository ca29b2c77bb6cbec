import { setTimeout as sleep } from 'node:timers/promises';
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { createDynamoDbClient } from '../../../src/aws/dynamodb-client.ts';
import { startLocalDynamoDb } from '../../../src/dev/dynamodb/server.ts';
import { startLocalKinesis } from '../../../src/dev/kinesis/server.ts';
import { openLeaseTable } from '../../../src/leases/dynamodb/lease-table.ts';
import { putShard } from '../../../src/leases/transitions.ts';
import { systemClock as clock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { runExportCommand } from '../../../src/main/verbs/export.ts';
import { startProgram } from '../../support/peer-programs.ts';
import { RECIPES } from './recipes.ts';

/**
 * A group that stands behind the fifth record of each of two shards is exported, and the real program reads on.
 * @returns what it should have read and what it did: payloads in async-kinesis, numbers in KCL; sorted
 */
export async function readOn(
  name: 'kcl-3' | 'async-kinesis',
): Promise<{ expected: string[]; read: string[] }> {
  const server = await startLocalKinesis();
  const dynamodb = await startLocalDynamoDb({ clock, log: silentLog });
  process.env['AWS_ACCESS_KEY_ID'] = process.env['AWS_SECRET_ACCESS_KEY'] = 'local';
  const client = createDynamoDbClient({ region: 'eu-west-1', endpoint: dynamodb.endpoint });
  server.kinesis.createStream({ name: 'orders', shardCount: 2 });
  await server.kinesis.whenCreated('orders');
  const entries = Array.from({ length: 30 }, (_, i) => ({
    partitionKey: `${i}`,
    data: Buffer.from(`payload-${i}`),
  }));
  const byShard = new Map<string, { sequence: string; text: string }[]>();
  for (const [i, receipt] of server.kinesis.putRecords('orders', entries).entries()) {
    if (receipt instanceof Error) throw receipt;
    const of = byShard.get(receipt.shardId) ?? [];
    byShard.set(receipt.shardId, [...of, { sequence: receipt.sequence, text: `payload-${i}` }]);
  }
  const keys = ['group_id', 'shard_id'];
  await client.send(
    new CreateTableCommand({
      TableName: 'own',
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: keys.map((AttributeName, i) => ({ AttributeName, KeyType: i === 0 ? 'HASH' : 'RANGE' })),
      AttributeDefinitions: keys.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    }),
  );
  const table = await openLeaseTable({ client, clock, tableName: 'own', groupId: 'g' });
  for (const { shardId, hashStart, hashEnd } of server.kinesis.listShards('orders').shards) {
    const { sequence } = byShard.get(shardId)![4]!;
    const checkpoint = { at: 'SEQUENCE', sequence } as const;
    const lease = { shardId, parents: [], hashStart, hashEnd, checkpoint };
    while (true) {
      const done = await table.write(putShard(lease, clock.now())).catch(() => undefined);
      if (done) break;
      await sleep(100);
    }
  }
  const to = ['--to', RECIPES[name]!.program, '--to-table', 'app'];
  const places = [
    '--kinesis-endpoint',
    server.endpoint,
    '--dynamodb-endpoint',
    dynamodb.endpoint,
    '--region',
    'eu-west-1',
  ];
  const of = ['--group', 'g', '--stream', 'orders', '--table', 'own'];
  const code = await runExportCommand([...of, ...to, ...places], process.env, new AbortController().signal);
  if (code !== 0) throw new Error(`export ended with ${code}`);
  const { command, env = {} } = await RECIPES[name]!.start({
    stream: 'orders',
    table: 'app',
    kinesis: server.endpoint,
    dynamodb: dynamodb.endpoint,
    createdAt: 0,
  });
  const expected = [...byShard.values()].flatMap((all) =>
    all.slice(5).map(({ sequence, text }) => (name === 'kcl-3' ? sequence : text)),
  );
  const program = startProgram(command, { env });
  const until = clock.monotonic() + 200_000;
  const recordsRead = () => program.text().match(/record \S+/g)?.length ?? 0;
  while (recordsRead() < expected.length && clock.monotonic() < until) await sleep(200);
  await program.stop();
  const read = [...program.text().matchAll(/record (\S+)/g)].map(([, what]) => what!);
  client.destroy();
  await server.close();
  await dynamodb.close();
  return {
    expected: expected.toSorted((a, b) => (a < b ? -1 : 1)),
    read: read.toSorted((a, b) => (a < b ? -1 : 1)),
  };
}
