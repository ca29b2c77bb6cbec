import type { LeaseTable } from '../leases/lease-table.ts';
import type { StreamClient } from '../kinesis/stream-client.ts';
import type { StreamConsumers } from '../kinesis/stream-consumers.ts';
import type { GroupTarget } from './group-target.ts';
import type { OpenReset } from './offset-reset.ts';
import type { OpenImport } from './position-import.ts';
import type { TableAdmin } from '../table/table-admin.ts';

/** The AWS side of the operator. Clients are shared: the same target gives the same ones. */
export interface AwsAccount {
  streamClient(target: GroupTarget): StreamClient;
  streamConsumers(target: GroupTarget): StreamConsumers;
  /** The rows of the group, in whatever key layout the table has; @throws KcgError as `LeaseTable` does. */
  leaseTable(target: GroupTarget, signal: AbortSignal): Promise<LeaseTable>;
  /** Groups with rows in the target's table, which has the native key; at most `limit`. Strongly consistent. */
  groupIds(target: GroupTarget, options: { limit: number; signal: AbortSignal }): Promise<string[]>;
  tableAdmin(target: GroupTarget): TableAdmin;
  /** Without it, a group that is to begin with another consumer's positions does not begin. */
  openImport?: OpenImport;
  /** Without it, resets wait. */
  openReset?: OpenReset;
  close(): void;
}
