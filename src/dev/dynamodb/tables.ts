import type { Clock } from '../../lib/clock.ts';
import type { Json } from './backend.ts';
import { DynamoDbFailure } from './failure.ts';
import { answerPolicy } from './resource-policy.ts';
import { described, type TableExtras } from './table-extras.ts';
import type { TtlTable } from './ttl.ts';
import {
  askedOf,
  ceilingsAfter,
  inUse,
  keyOf,
  requireOtherKey,
  requireUpdatable,
  type SseRequest,
} from './update-table.ts';

/** How long another class or key takes, ms. */
const TRANSITION_MS = 100;
/** Between two changes of a table's time to live; of the service it was measured, and is said to be up to an hour. */
const TTL_PAUSE_MS = 1_860_000;

/**
 * The settings of tables that dynalite does not have: TTL, point-in-time recovery, deletion protection, encryption, class,
 * on-demand ceilings, tags, resource policy and the list of replicas. Kept beside it, by table name, with DynamoDB's rules,
 * limits and messages.
 */
export class DynamoDbTables {
  readonly #extras = new Map<string, TableExtras>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  create(name: string, extras: TableExtras): void {
    this.#extras.set(name, extras);
  }

  /** Those whose items expire. */
  expiring(): TtlTable[] {
    return [...this.#extras]
      .filter(([, { ttl }]) => ttl.enabled)
      .map(([name, { ttl }]) => ({ name, attribute: ttl.attribute }));
  }

  setIdentity(name: string, identity: Json): void {
    this.#of(name).identity = identity;
  }

  /** @param table as dynalite describes it; undefined = there is none, which it says itself */
  requireDeletable(name: string, table: Json | undefined): void {
    const extras = this.#extras.get(name);
    if (!extras || !table) return;
    if (extras.deletionProtection) {
      throw new DynamoDbFailure(
        'ValidationException',
        'Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.',
      );
    }
    const now = this.describe(name, table) as { TableStatus?: string; SSEDescription?: { Status: string } };
    if (now.TableStatus === 'UPDATING' || now.SSEDescription?.Status === 'UPDATING') {
      throw inUse(`Table: ${name} is in the process of being updated.`);
    }
  }

  delete(name: string): void {
    this.#extras.delete(name);
  }

  /**
   * UpdateTable: takes what dynalite does not know and returns the rest; nothing when nothing is left.
   * @param table as dynalite describes it
   */
  update(request: Json, table: Json): Json | undefined {
    const name = String(table['TableName']);
    const extras = this.#of(name);
    requireUpdatable(request, this.describe(name, table));
    const { DeletionProtectionEnabled, TableClass, SSESpecification, ReplicaUpdates, ...known } = request;
    const { OnDemandThroughput: _, ...rest } = known;
    if (typeof DeletionProtectionEnabled === 'boolean') extras.deletionProtection = DeletionProtectionEnabled;
    if (typeof TableClass === 'string') this.#setClass(extras, TableClass);
    if (SSESpecification) this.#setKey(name, extras, SSESpecification);
    if (ReplicaUpdates) setReplicas(extras, ReplicaUpdates as ReplicaUpdate[]);
    this.#setBilling(extras, request, table);
    return askedOf(rest).length > 0 || askedOf(request).length === 0 ? rest : undefined;
  }

  #setClass(extras: TableExtras, to: string): void {
    if (to === (extras.tableClass ?? 'STANDARD')) return;
    extras.limits.take('tableClass', this.#clock.now());
    extras.busyUntilMs = this.#clock.monotonic() + TRANSITION_MS;
    extras.nextClass = { to, untilMs: extras.busyUntilMs };
  }

  #setKey(name: string, extras: TableExtras, request: SseRequest): void {
    if (extras.nextKey) throw inUse(`Table: ${name} is in the process of being updated.`);
    const to = keyOf(request);
    requireOtherKey(extras.key, to);
    extras.limits.take('encryption', this.#clock.now());
    extras.nextKey = { to, untilMs: this.#clock.monotonic() + TRANSITION_MS };
  }

  #setBilling(extras: TableExtras, request: Json, table: Json): void {
    const was = (table['BillingModeSummary'] as { BillingMode?: string } | undefined)?.BillingMode;
    const mode = (request['BillingMode'] ?? was ?? 'PROVISIONED') as string;
    const isOnDemand = mode === 'PAY_PER_REQUEST';
    const given = (request['OnDemandThroughput'] ?? undefined) as Json | undefined;
    const ceilings = ceilingsAfter(extras.ceilings, given, { isOnDemand, isNew: false });
    const limited = limitedChange(request, table, { isOnDemand, was });
    if (limited) extras.limits.take(limited, this.#clock.now());
    extras.ceilings = isOnDemand ? ceilings : {};
    if (request['BillingMode'] ?? request['ProvisionedThroughput']) {
      extras.busyUntilMs = this.#clock.monotonic() + TRANSITION_MS;
    }
  }

  /** Adds what dynalite's description lacks. */
  describe(name: string, table: Json): Json {
    const extras = this.#extras.get(name);
    return extras ? described(table, extras, this.#clock.monotonic()) : table;
  }

  /** The operations that are only about these settings; undefined for any other. */
  answer(operation: string, request: Json): Json | undefined {
    switch (operation) {
      case 'UpdateTimeToLive':
        return this.#updateTimeToLive(request);
      case 'DescribeTimeToLive': {
        const { ttl } = this.#of(request['TableName']);
        const description = ttl.enabled
          ? { TimeToLiveStatus: 'ENABLED', AttributeName: ttl.attribute }
          : { TimeToLiveStatus: 'DISABLED' };
        return { TimeToLiveDescription: description };
      }
      case 'UpdateContinuousBackups': {
        const extras = this.#of(request['TableName']);
        const wanted = required(request, 'PointInTimeRecoverySpecification') as {
          PointInTimeRecoveryEnabled?: boolean;
        };
        extras.pointInTimeRecovery = wanted.PointInTimeRecoveryEnabled === true;
        return this.#backups(request);
      }
      case 'DescribeContinuousBackups':
        return this.#backups(request);
      case 'TagResource': {
        const { tags } = this.#byArn(request);
        const added = required(request, 'Tags') as { Key: string; Value: string }[];
        for (const { Key, Value } of added) tags.set(Key, Value);
        return {};
      }
      case 'UntagResource':
        for (const key of required(request, 'TagKeys') as string[]) this.#byArn(request).tags.delete(key);
        return {};
      case 'ListTagsOfResource':
        return { Tags: [...this.#byArn(request).tags].map(([Key, Value]) => ({ Key, Value })) };
      case 'GetResourcePolicy':
      case 'PutResourcePolicy':
      case 'DeleteResourcePolicy':
        return answerPolicy(operation, this.#byArn(request), request);
      default:
        return undefined;
    }
  }

  #updateTimeToLive(request: Json): Json {
    const extras = this.#of(request['TableName']);
    const wanted = required(request, 'TimeToLiveSpecification') as {
      Enabled: boolean;
      AttributeName: string;
    };
    if (wanted.Enabled && extras.ttl.enabled && wanted.AttributeName !== extras.ttl.attribute) {
      const message = `TimeToLive is active on a different AttributeName: current AttributeName is ${extras.ttl.attribute}`;
      throw new DynamoDbFailure('ValidationException', message);
    }
    if (wanted.Enabled === extras.ttl.enabled) {
      const state = wanted.Enabled ? 'enabled' : 'disabled';
      throw new DynamoDbFailure('ValidationException', `TimeToLive is already ${state}`);
    }
    const nowMs = this.#clock.monotonic();
    if (nowMs - extras.ttl.changedMs < TTL_PAUSE_MS) {
      const message = 'Time to live has been modified multiple times within a fixed interval';
      throw new DynamoDbFailure('ValidationException', message);
    }
    extras.ttl = { enabled: wanted.Enabled, attribute: wanted.AttributeName, changedMs: nowMs };
    return { TimeToLiveSpecification: wanted };
  }

  #backups(request: Json): Json {
    const { pointInTimeRecovery } = this.#of(request['TableName']);
    const status = pointInTimeRecovery ? 'ENABLED' : 'DISABLED';
    const recovery = { PointInTimeRecoveryStatus: status };
    return {
      ContinuousBackupsDescription: {
        ContinuousBackupsStatus: 'ENABLED',
        PointInTimeRecoveryDescription: recovery,
      },
    };
  }

  #byArn(request: Json): TableExtras {
    return this.#of(String(request['ResourceArn']).split('/').at(-1));
  }

  #of(name: unknown): TableExtras {
    const extras = this.#extras.get(String(name));
    if (extras) return extras;
    throw new DynamoDbFailure(
      'ResourceNotFoundException',
      `Requested resource not found: Table: ${String(name)} not found`,
    );
  }
}

interface ReplicaUpdate {
  Create?: { RegionName: string };
  Delete?: { RegionName: string };
}

function setReplicas(extras: TableExtras, updates: readonly ReplicaUpdate[]): void {
  for (const { Create, Delete } of updates) {
    if (Create) extras.replicas.push(Create.RegionName);
    if (Delete) extras.replicas = extras.replicas.filter((region) => region !== Delete.RegionName);
  }
}

function limitedChange(
  request: Json,
  table: Json,
  { isOnDemand, was }: { isOnDemand: boolean; was: string | undefined },
): 'onDemand' | 'decrease' | undefined {
  if (isOnDemand && was !== 'PAY_PER_REQUEST') return 'onDemand';
  return isDecrease(request, table) ? 'decrease' : undefined;
}

function isDecrease({ ProvisionedThroughput: asked }: Json, table: Json): boolean {
  const [now, was] = [asked, table['ProvisionedThroughput']] as (Record<string, number> | null | undefined)[];
  return ['ReadCapacityUnits', 'WriteCapacityUnits'].some(
    (field) => (now?.[field] ?? Infinity) < (was?.[field] ?? 0),
  );
}

function required(request: Json, field: string): unknown {
  const value = request[field];
  if (value !== undefined && value !== null) return value;
  const shown = `${field.charAt(0).toLowerCase()}${field.slice(1)}`;
  throw new DynamoDbFailure(
    'ValidationException',
    `1 validation error detected: Value null at '${shown}' failed to satisfy constraint: Member must not be null`,
  );
}
