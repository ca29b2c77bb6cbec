import type { LeaseTable } from '../leases/lease-table.ts';
import type { StreamClient } from '../kinesis/stream-client.ts';
import type { StreamConsumers } from '../kinesis/stream-consumers.ts';
import type { OpenImport } from './position-import.ts';
import type { TableAdmin } from '../table/table-admin.ts';

/** Where a group's stream and rows are. */
export interface GroupTarget {
  groupId: string;
  region: string;
  stream: { name: string; arn?: string | undefined };
  endpoints: { [service in 'kinesis' | 'dynamodb' | 'sqs' | 'sns' | 's3']?: string | undefined };
  table: string;
  /** `groupId` is that of the rows of a shadow. */
  isShadow?: boolean;
}

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
  close(): void;
}

/** Which table; the same for all groups in it. */
export function tableKey({ region, table, endpoints }: GroupTarget): string {
  return JSON.stringify([region, endpoints.dynamodb ?? '', table]);
}

/** The same for all groups of a stream. */
export function streamKey({ region, stream, endpoints }: GroupTarget): string {
  return JSON.stringify([region, endpoints.kinesis ?? '', stream.arn ?? stream.name]);
}
