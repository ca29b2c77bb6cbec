import type { Json } from './backend.ts';
import { DynamoDbFailure } from './failure.ts';

/** Kinds of change that UpdateTable takes only alone, in its own words. */
const ALONE: Readonly<Record<string, string>> = {
  SSESpecification: 'Server-Side Encryption',
  TableClass: 'TableClass',
  DeletionProtectionEnabled: 'DeletionProtection',
  ReplicaUpdates: 'Replica',
};
/** What is taken while the table is UPDATING. */
const ANY_TIME: ReadonlySet<string> = new Set(['DeletionProtectionEnabled', 'SSESpecification']);
const NO_CHANGE: ReadonlySet<string> = new Set(['TableName', 'AttributeDefinitions']);

/** What a request is to change: names of its fields. */
export function askedOf(request: Json): string[] {
  return Object.keys(request).filter((field) => !NO_CHANGE.has(field) && request[field] != null);
}

/**
 * The rules of UpdateTable that dynalite lacks: one kind of change at a time, and most of them only while the table is ACTIVE.
 * @throws DynamoDbFailure as the service words it; nothing is changed then
 */
export function requireUpdatable(request: Json, { TableName, TableStatus }: Json): void {
  const asked = askedOf(request);
  for (const field of asked) {
    const kind = ALONE[field];
    if (kind === undefined || asked.length === 1) continue;
    throw invalid(`${kind} modification must be the only operation in the request`);
  }
  if (asked.includes('OnDemandThroughput') && asked.some((field) => !/^(OnDemandT|BillingM)/.test(field))) {
    throw invalid('OnDemandThroughput can only be combined with BillingMode in an UpdateTable request');
  }
  if (TableStatus === 'ACTIVE' || asked.every((field) => ANY_TIME.has(field))) return;
  throw inUse(`Table is being updated: ${String(TableName)}`);
}

/** The ceilings of an on-demand table after a change; a field that is not given stays, and -1 takes one away. */
export function ceilingsAfter(
  was: Json,
  given: Json | undefined,
  { isOnDemand, isNew }: { isOnDemand: boolean; isNew: boolean },
): Json {
  const after = { ...was };
  if (given === undefined) return after;
  const fields = Object.entries(given).filter(([, units]) => units != null);
  // The service fails on an empty one.
  if (fields.length === 0 && !isNew) throw new DynamoDbFailure('InternalFailure', '', 500);
  for (const [field, units] of fields) {
    if (!isOnDemand) {
      throw invalid(
        `${field} for OnDemandThroughput cannot be specified when the table BillingMode is PROVISIONED`,
      );
    }
    if (Number(units) < 1 && !(units === -1 && !isNew)) {
      throw invalid(`Requested ${field} for OnDemandThroughput for table is outside of valid range`);
    }
    if (units === -1) delete after[field];
    else after[field] = units;
  }
  return after;
}

export interface SseRequest {
  Enabled?: boolean;
  SSEType?: string;
  KMSMasterKeyId?: string;
}

/** The account's aws/dynamodb. */
export const AWS_MANAGED_KEY = 'arn:aws:kms:us-east-1:000000000000:key/0a000000-0000-4000-8000-000000000000';

/** The key that a table is to have; undefined = DynamoDB's own. */
export function keyOf({ Enabled, SSEType, KMSMasterKeyId }: SseRequest = {}): string | undefined {
  if (!Enabled && SSEType !== undefined) throw invalid('SSEType can not be specified if Enabled is false');
  if (KMSMasterKeyId !== undefined && SSEType === undefined) {
    throw invalid('SSEType KMS is required if KMSMasterKeyId is specified');
  }
  if (!Enabled) return undefined;
  return KMSMasterKeyId === undefined || KMSMasterKeyId === 'alias/aws/dynamodb'
    ? AWS_MANAGED_KEY
    : KMSMasterKeyId;
}

/** A key of AWS's is put in place again, a key of the customer's is not. */
export function requireOtherKey(was: string | undefined, now: string | undefined): void {
  if (was !== now || now === AWS_MANAGED_KEY) return;
  if (now === undefined) throw invalid('Table is already encrypted by default');
  throw invalid(
    'Table is already encrypted with given KMSMasterKeyId. Use KMSMasterKeyId parameter if you want to change Master Key',
  );
}

export function inUse(what: string): DynamoDbFailure {
  return new DynamoDbFailure(
    'ResourceInUseException',
    `Attempt to change a resource which is still in use: ${what}`,
  );
}

function invalid(what: string): DynamoDbFailure {
  return new DynamoDbFailure('ValidationException', `One or more parameter values were invalid: ${what}`);
}
