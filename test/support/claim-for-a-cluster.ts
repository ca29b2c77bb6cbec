import type { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';
import { claimGroup } from '../../src/leases/transitions.ts';
import type { LeaseTable } from '../../src/leases/lease-table.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';

/** Claims the group, which reads `orders`, for a resource in `shop` of some cluster. @returns that cluster's id */
export async function claimForACluster(
  table: LeaseTable,
  { groupId, kinesis }: { groupId: string; kinesis: MemoryKinesis },
): Promise<string> {
  const clusterId = 'b6f1f3a4-5f0c-4d8e-9d1b-0c6f3f9e2a11';
  const { arn, createdAt } = kinesis.describe('orders');
  const claim = {
    groupId,
    clusterId,
    resourceUid: 'u1',
    namespace: 'shop',
    streamArn: arn,
    // Some tell it in seconds.
    streamCreatedAt: Math.floor(createdAt / 1_000) * 1_000,
    claimedAt: clock.now(),
  };
  await table.write(claimGroup(undefined, claim));
  return clusterId;
}
