import type { Json } from './backend.ts';
import { ChangeLimits } from './change-limits.ts';
import { ceilingsAfter, keyOf } from './update-table.ts';

/** A change that takes a moment. */
export interface Transition<T> {
  to: T;
  /** Monotonic. */
  untilMs: number;
}

/** What a table has beside what dynalite knows of it. */
export interface TableExtras {
  ttl: { enabled: boolean; attribute: string; changedMs: number };
  pointInTimeRecovery: boolean;
  deletionProtection: boolean;
  /** Undefined = DynamoDB's own. */
  key: string | undefined;
  nextKey: Transition<string | undefined> | undefined;
  tableClass: string | undefined;
  nextClass: Transition<string> | undefined;
  /** Monotonic: it is UPDATING until then. */
  busyUntilMs: number;
  /** OnDemandThroughput. */
  ceilings: Json;
  tags: Map<string, string>;
  policy: { text: string; revision: string } | undefined;
  /** Regions; nothing is replicated. */
  replicas: string[];
  limits: ChangeLimits;
  /** Of a table that was made again, those of the first one. */
  identity: Json;
}

/** Of a CreateTable. @throws DynamoDbFailure as the service words it */
export function newExtras(request: Json): TableExtras {
  const tags = (request['Tags'] ?? []) as { Key: string; Value: string }[];
  const isOnDemand = request['BillingMode'] === 'PAY_PER_REQUEST';
  const policy = request['ResourcePolicy'] as string | undefined;
  return {
    ttl: { enabled: false, attribute: '', changedMs: -Infinity },
    pointInTimeRecovery: false,
    deletionProtection: request['DeletionProtectionEnabled'] === true,
    key: keyOf(request['SSESpecification'] ?? undefined),
    nextKey: undefined,
    tableClass: request['TableClass'] as string | undefined,
    nextClass: undefined,
    busyUntilMs: -Infinity,
    ceilings: ceilingsAfter({}, (request['OnDemandThroughput'] ?? undefined) as Json | undefined, {
      isOnDemand,
      isNew: true,
    }),
    tags: new Map(tags.map(({ Key, Value }) => [Key, Value])),
    policy: policy ? { text: policy, revision: '1' } : undefined,
    replicas: [],
    limits: new ChangeLimits(),
    identity: {},
  };
}

/** Ends what has taken its time. */
function settle(extras: TableExtras, nowMs: number): TableExtras {
  const { nextKey, nextClass } = extras;
  if (nextKey && nextKey.untilMs <= nowMs) Object.assign(extras, { key: nextKey.to, nextKey: undefined });
  if (nextClass && nextClass.untilMs <= nowMs)
    Object.assign(extras, { tableClass: nextClass.to, nextClass: undefined });
  return extras;
}

/** A description with what it lacks. */
export function described(table: Json, extras: TableExtras, nowMs: number): Json {
  const { key, nextKey, tableClass, busyUntilMs, ceilings, replicas } = settle(extras, nowMs);
  const Status = nextKey ? 'UPDATING' : 'ENABLED';
  return {
    ...table,
    ...extras.identity,
    ...(nowMs < busyUntilMs ? { TableStatus: 'UPDATING' } : {}),
    DeletionProtectionEnabled: extras.deletionProtection,
    ...(tableClass ? { TableClassSummary: { TableClass: tableClass } } : {}),
    ...(Object.keys(ceilings).length > 0 ? { OnDemandThroughput: ceilings } : {}),
    ...(replicas.length > 0
      ? {
          GlobalTableVersion: '2019.11.21',
          Replicas: replicas.map((RegionName) => ({ RegionName, ReplicaStatus: 'ACTIVE' })),
        }
      : {}),
    ...(key || nextKey
      ? { SSEDescription: { Status, ...(key ? { SSEType: 'KMS', KMSMasterKeyArn: key } : {}) } }
      : {}),
  };
}
