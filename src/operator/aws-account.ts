import type { LeaseTable } from '../leases/lease-table.ts';
import type { StreamClient } from '../kinesis/stream-client.ts';
import type { StreamConsumers } from '../kinesis/stream-consumers.ts';
import type { OpenReset } from './offset-reset.ts';
import type { OpenImport } from './position-import.ts';
import type { TableAdmin } from '../table/table-admin.ts';

/** Whom the operator becomes for a group's calls. */
export interface AwsRole {
  arn: string;
  /** By which the role's trust policy tells the groups of one namespace from those of others. */
  externalId: string;
  /** What CloudTrail shows; 2 to 64 characters of `[\w+=,.@-]`. */
  sessionName: string;
}

/** Where a group's stream and rows are. */
export interface GroupTarget {
  groupId: string;
  region: string;
  stream: { name: string; arn?: string | undefined };
  endpoints: { [service in 'kinesis' | 'dynamodb' | 'sqs' | 'sns' | 's3']?: string | undefined };
  table: string;
  /** Undefined = the operator's own credentials. */
  role?: AwsRole | undefined;
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
  /** Without it, resets wait. */
  openReset?: OpenReset;
  close(): void;
}

/** Which table; the same for all groups in it, whichever role of its account they come with. */
export function tableKey({ region, table, endpoints, role }: GroupTarget): string {
  const account = role ? [role.arn.split(':')[4]] : [];
  return JSON.stringify([region, endpoints.dynamodb ?? '', table, ...account]);
}

/** The same for all groups of a stream that look at it as the same role: another may be told something else. */
export function streamKey({ region, stream, endpoints, role }: GroupTarget): string {
  const as = role ? [identityKey(role)] : [];
  return JSON.stringify([region, endpoints.kinesis ?? '', stream.arn ?? stream.name, ...as]);
}

/** The same for all groups that call AWS as the same role, allowed in the same way. */
export function identityKey(role: AwsRole | undefined): string {
  return role ? JSON.stringify([role.arn, role.externalId]) : '';
}
