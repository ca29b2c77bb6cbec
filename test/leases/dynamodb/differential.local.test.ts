import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startLocalDynamoDb, type LocalDynamoDb } from '../../../src/dev/dynamodb/server.ts';
import { createDynamoDbClient } from '../../../src/aws/dynamodb-client.ts';
import { openLeaseTable } from '../../../src/leases/dynamodb/lease-table.ts';
import { MemoryLeaseTable } from '../../../src/leases/memory/lease-table.ts';
import type { Condition, RowWrite } from '../../../src/leases/row-write.ts';
import { systemClock as clock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { createTable } from '../../support/local-table.ts';

const tableName = 'leases';
let server: LocalDynamoDb;
let client: ReturnType<typeof createDynamoDbClient>;

beforeAll(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  server = await startLocalDynamoDb({ clock, log: silentLog });
  client = createDynamoDbClient({ region: 'eu-west-1', endpoint: server.endpoint });
  await createTable(client, tableName);
});
afterAll(async () => {
  client.destroy();
  await server.close();
  vi.unstubAllEnvs();
});

const text = fc.constantFrom('', 'a', 'b', 'name');
const whole = fc.integer({ min: -2, max: 3 });
const attribute = fc.constantFrom('ref', 'epoch', 'name', 'status', 'size');
const value = fc.oneof(
  text,
  whole,
  fc.uniqueArray(fc.constantFrom('p', 'q', 'r'), { minLength: 1 }).map((set) => set.toSorted()),
  fc.dictionary(text, whole, { maxKeys: 2 }),
);
const condition: fc.Arbitrary<Condition> = fc.oneof(
  fc.record({ attribute, is: fc.constantFrom('absent' as const, 'present' as const) }),
  fc.record({
    attribute,
    is: fc.constantFrom('equal' as const, 'not equal' as const),
    value: fc.oneof(text, whole),
  }),
);
const conditions = (maxLength: number) => fc.array(condition, { maxLength });
// `counter` is only ever added to: DynamoDB refuses to add to what is no number, or to what the same write sets or removes.
const write: fc.Arbitrary<RowWrite> = fc.record(
  {
    name: fc.constant('random'),
    key: fc.constantFrom('shardId-1', 'worker#1'),
    kind: fc.constantFrom('put', 'update', 'update', 'update', 'delete'),
    when: conditions(2),
    set: fc.dictionary(attribute, value, { maxKeys: 3, noNullPrototype: true }),
    remove: fc.uniqueArray(attribute, { maxLength: 2 }),
    add: fc.record({ counter: whole }),
    proof: conditions(1),
  },
  { requiredKeys: ['name', 'key', 'kind', 'when', 'proof'], noNullPrototype: true },
) as fc.Arbitrary<RowWrite>;

/** Only an update adds and removes, and it removes nothing that it sets. */
function sensible({ add, remove, ...rest }: RowWrite): RowWrite {
  if (rest.kind !== 'update') return rest;
  const others = remove?.filter((name) => !(name in (rest.set ?? {})));
  return { ...rest, ...(add ? { add } : {}), ...(others ? { remove: others } : {}) };
}

describe('any sequence of conditional writes', () => {
  it('has the same results and leaves the same rows in both tables', async () => {
    let groups = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(write, { minLength: 1, maxLength: 12 }), async (writes) => {
        const groupId = `g${(groups += 1)}`;
        const dynamo = await openLeaseTable({ client, clock, tableName, groupId, callTimeoutMs: 10_000 });
        const memory = new MemoryLeaseTable();
        for (const one of writes) {
          const sent = sensible(one);
          expect(await dynamo.write(sent)).toEqual(await memory.write(sent));
        }
        const byKey = (a: { shard_id: string }, b: { shard_id: string }) =>
          a.shard_id < b.shard_id ? -1 : 1;
        const stored = await dynamo.query('all', { consistent: true });
        expect(stored.toSorted(byKey)).toEqual(memory.rows().toSorted(byKey));
      }),
      { numRuns: 100, seed: 20_260_101 },
    );
  });
});
