import { decodeImport, type ImportRecord } from './import-record.ts';
import { decodeReset, type ResetRecord } from './reset-record.ts';
import { number, text, type Row } from './row.ts';

/** The group's own row: which resource of which cluster runs it, over which stream, and where it began. */
export interface Claim {
  /** In a table of a single group the key does not say whose rows they are. */
  groupId: string | undefined;
  clusterId: string | undefined;
  resourceUid: string | undefined;
  /** Of the resource; tells where to look whether it is gone. */
  namespace: string | undefined;
  streamArn: string | undefined;
  /** Ms since the epoch; tells a stream from a later one of the same name. */
  streamCreatedAt: number | undefined;
  /** Ms since the epoch. */
  claimedAt: number | undefined;
  /** Creation time of the table, ms since the epoch, when kcg made it for this group; tables need not keep tags. */
  tableMadeAt?: number | undefined;
  /** Nobody is to own a shard. */
  paused: boolean;
  /** Ms since the epoch; what `Latest` meant when the group was first seeded. */
  startAt: number | undefined;
  /** Positions that came from another consumer; undefined = none did. */
  imported?: ImportRecord | undefined;
  /** Ms since the epoch; when all of the group's range was processed. */
  completedAt?: number | undefined;
  /** The last move of all positions; undefined = there was none. */
  reset?: ResetRecord | undefined;
}

/** Positions are on their way in or out: until that is over, a shard without a row must not get one from elsewhere. */
export function isImporting(claim: Pick<Claim, 'imported'> | undefined): boolean {
  return claim?.imported !== undefined && claim.imported.state !== 'done';
}

/** The move of positions that is under way: no worker is to own a shard. */
export function resetUnderWay(claim: Pick<Claim, 'reset'> | undefined): ResetRecord | undefined {
  return claim?.reset?.state === 'done' ? undefined : claim?.reset;
}

/** Positions are on their way, so nobody but who brings them is to own a shard or add one. */
export function isHeld(claim: Pick<Claim, 'imported' | 'reset'> | undefined): boolean {
  return isImporting(claim) || resetUnderWay(claim) !== undefined;
}

/** Of the rows' attributes. Written into the claim for later releases; this one does not read it. */
export const LAYOUT_VERSION = 1;

/** What the row lacks is undefined; without `paused` the group is not paused. */
export function decodeClaim(row: Row): Claim {
  return {
    groupId: text(row, 'claimed_group'),
    clusterId: text(row, 'cluster_id'),
    resourceUid: text(row, 'resource_uid'),
    namespace: text(row, 'resource_namespace'),
    streamArn: text(row, 'stream_arn'),
    streamCreatedAt: number(row, 'stream_created_at'),
    claimedAt: number(row, 'claimed_at'),
    tableMadeAt: number(row, 'table_made_at'),
    paused: number(row, 'paused') === 1,
    startAt: number(row, 'start_at'),
    imported: decodeImport(row),
    reset: decodeReset(row),
    completedAt: number(row, 'completed_at'),
  };
}
