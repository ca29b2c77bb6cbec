/** What is asked for apart from the table itself, and may be forbidden or unknown to an emulator while that is not. */
export type SideSetting = 'ttl' | 'tags' | 'pointInTimeRecovery';

/** DynamoDB's own. The last three: the table's KMS key cannot be used, and after a week of that the table is archived. */
export const TABLE_STATUSES = [
  'CREATING',
  'ACTIVE',
  'UPDATING',
  'DELETING',
  'INACCESSIBLE_ENCRYPTION_CREDENTIALS',
  'ARCHIVING',
  'ARCHIVED',
] as const;

/** A DynamoDB table as it is. */
export interface ObservedTable {
  name: string;
  arn: string;
  status: (typeof TABLE_STATUSES)[number] | 'OTHER';
  /** `group_id HASH, shard_id RANGE`. */
  keySchema: string;
  /** Ms since the epoch. */
  createdAt: number;
  billing: TableBilling;
  /** The attribute that carries the time to live; empty = off. */
  ttlAttribute: string;
  /** It is being turned off, which takes up to an hour; until then it can be set to nothing else. */
  isTtlEnding?: boolean | undefined;
  tags: Readonly<Record<string, string>>;
  /** The group that made it, where that is known otherwise than by its tags. */
  maker?: string | undefined;
  /** It has the claim of this very resource, which is older than the table: it comes from a backup, and those bring no tags. */
  isRestored?: boolean | undefined;
  /** Somebody has made it in place of one in which this very resource had its claim and positions, and neither is in it. */
  isMadeAnew?: boolean | undefined;
  pointInTimeRecovery: boolean;
  deletionProtection: boolean;
  /** Undefined = DynamoDB's own. A key of AWS (`aws/dynamodb`) and one of the customer look alike. */
  kmsKeyArn: string | undefined;
  /** Another key is being put in place; the table stays ACTIVE meanwhile, and may still show the one before. */
  isReencrypting?: boolean | undefined;
  tableClass: TableClass;
  /** Regions that the table is replicated to: it is a global table. Absent or empty = it is none. */
  replicas?: readonly string[] | undefined;
  /** Settings that could not be read, with why and what to do; they show as off or empty above. */
  unread?: Readonly<Partial<Record<SideSetting, string>>>;
}

export type TableClass = 'Standard' | 'StandardInfrequentAccess';
/** Where a ceiling is not given there is none; in a change, `NO_CEILING` takes it away and undefined leaves it alone. */
export type TableBilling =
  | {
      mode: 'OnDemand';
      maxReadRequestUnits?: number | undefined;
      maxWriteRequestUnits?: number | undefined;
    }
  | { mode: 'Provisioned'; readCapacityUnits: number; writeCapacityUnits: number };

export const NO_CEILING = -1;

/** A key of the customer's, DynamoDB's own (Owned), or the account's `aws/dynamodb` (Managed). */
export type TableKey = { kmsKeyArn: string } | { awsKey: 'Owned' | 'Managed' };

export interface NewTable {
  billing: TableBilling;
  tags: Readonly<Record<string, string>>;
  deletionProtection: boolean;
  /** Undefined = DynamoDB's own key. */
  key: TableKey | undefined;
  tableClass: TableClass;
}

/** One change of a table, as data: `planTable` decides, `TableAdmin.apply` does. */
export type TableStep =
  | { do: 'create'; table: NewTable }
  | { do: 'enable ttl'; attribute: string }
  | { do: 'disable ttl'; attribute: string }
  | { do: 'tag'; tags: Readonly<Record<string, string>> }
  | { do: 'untag'; keys: readonly string[] }
  | { do: 'set point-in-time recovery'; enabled: boolean }
  | { do: 'set deletion protection'; enabled: boolean }
  | { do: 'set billing'; billing: TableBilling }
  | { do: 'set table class'; tableClass: TableClass }
  | { do: 'set encryption'; key: TableKey }
  | { do: 'delete' };

/** `ObservedTable.keySchema` of the tables that kcg makes, which many groups can share. */
export const NATIVE_KEY_SCHEMA = 'group_id HASH, shard_id RANGE';
/** That of async-kinesis's tables, each of one group; kcg uses such tables and makes none. */
export const SHARD_ID_KEY_SCHEMA = 'shard_id HASH';
/** Carries the time at which DynamoDB may delete a row, seconds since the epoch. */
export const TTL_ATTRIBUTE = 'ttl';

export interface AdminCallOptions {
  signal?: AbortSignal | undefined;
}

/** What a table does not tell of itself: a read each. */
export type TableSides = Pick<ObservedTable, 'ttlAttribute' | 'isTtlEnding' | 'tags' | 'pointInTimeRecovery'>;
export type TableItself = Omit<ObservedTable, keyof TableSides>;

/**
 * One checkpoint table's control plane. Throws `KcgError`: `AccessDenied` (names the IAM action), `Credentials`, `Throttled`,
 * `LimitExceeded`, `Conflict` (the table is changing: again later), `InvalidInput`, `Timeout`, `Unavailable`.
 */
export interface TableAdmin {
  /**
   * Undefined when there is no such table. With `sides` these are taken as given, and not read; `anew`: what was read a moment
   * ago does not serve.
   */
  describe(
    options?: AdminCallOptions & { sides?: TableSides | undefined; anew?: boolean },
  ): Promise<ObservedTable | undefined>;
  /**
   * Asks for one change of the table as it was last described; a table is CREATING or UPDATING for a while after some.
   * `raced`: somebody did it before. `unknown`: this DynamoDB, an emulator, has no such call. `onMade` is told what the answer
   * to `create` says of the table, where it says that.
   */
  apply(
    step: TableStep,
    options?: AdminCallOptions & { onMade?: ((table: TableItself) => void) | undefined },
  ): Promise<'done' | 'raced' | 'unknown'>;
}
