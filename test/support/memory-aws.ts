import { memoryStreamClient } from '../../src/kinesis/memory/stream-client.ts';
import { memoryStreamConsumers } from '../../src/kinesis/memory/stream-consumers.ts';
import type { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { AwsAccount } from '../../src/operator/aws-account.ts';
import { MemoryTables } from '../../src/table/memory/table-admin.ts';

/** AWS as the twins play it, for an operator on a real API server; no group but those that it is asked for is in a table. */
export function memoryAws(kinesis: MemoryKinesis, leaseTable: AwsAccount['leaseTable']): AwsAccount {
  const tables = new MemoryTables(systemClock);
  return {
    streamClient: ({ stream }) => memoryStreamClient(kinesis, stream.name),
    streamConsumers: () => memoryStreamConsumers(kinesis),
    leaseTable,
    groupIds: async () => [],
    tableAdmin: ({ table }) => tables.admin(table),
    close: () => {},
  };
}
