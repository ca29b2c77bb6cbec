import type { Json } from './backend.ts';
import { DynamoDbFailure } from './failure.ts';
import type { TtlTable } from './ttl.ts';

interface TableExtras {
  ttl: { enabled: boolean; attribute: string };
  pointInTimeRecovery: boolean;
  deletionProtection: boolean;
  kmsKeyArn: string | undefined;
  tableClass: string | undefined;
  tags: Map<string, string>;
  /** Of a table that was made again, those of the first one. */
  identity: Json;
}

/**
 * The settings of tables that dynalite does not have: TTL, point-in-time recovery, deletion protection, encryption,
 * class and tags. Kept beside it, by table name, with DynamoDB's rules and messages.
 */
export class DynamoDbTables {
  readonly #extras = new Map<string, TableExtras>();

  create(name: string, request: Json): void {
    const tags = (request['Tags'] ?? []) as { Key: string; Value: string }[];
    const encryption = request['SSESpecification'] as
      | { Enabled?: boolean; KMSMasterKeyId?: string }
      | undefined;
    this.#extras.set(name, {
      ttl: { enabled: false, attribute: '' },
      pointInTimeRecovery: false,
      deletionProtection: request['DeletionProtectionEnabled'] === true,
      kmsKeyArn: encryption?.Enabled ? (encryption.KMSMasterKeyId ?? 'alias/aws/dynamodb') : undefined,
      tableClass: request['TableClass'] as string | undefined,
      tags: new Map(tags.map(({ Key, Value }) => [Key, Value])),
      identity: {},
    });
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

  requireDeletable(name: string): void {
    if (!this.#extras.get(name)?.deletionProtection) return;
    throw new DynamoDbFailure(
      'ValidationException',
      'Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.',
    );
  }

  delete(name: string): void {
    this.#extras.delete(name);
  }

  /** UpdateTable: takes what dynalite does not know and returns the rest; nothing when nothing is left. */
  update(name: string, request: Json): Json | undefined {
    const { DeletionProtectionEnabled, TableClass, SSESpecification, ...rest } = request;
    const extras = this.#of(name);
    if (typeof DeletionProtectionEnabled === 'boolean') extras.deletionProtection = DeletionProtectionEnabled;
    if (typeof TableClass === 'string') extras.tableClass = TableClass;
    const encryption = SSESpecification as { Enabled?: boolean; KMSMasterKeyId?: string } | undefined;
    if (encryption)
      extras.kmsKeyArn = encryption.Enabled ? (encryption.KMSMasterKeyId ?? 'alias/aws/dynamodb') : undefined;
    return Object.keys(rest).some((key) => key !== 'TableName' && key !== 'AttributeDefinitions')
      ? rest
      : undefined;
  }

  /** Adds what dynalite's description lacks. */
  describe(name: string, table: Json): Json {
    const extras = this.#extras.get(name);
    if (!extras) return table;
    return {
      ...table,
      ...extras.identity,
      DeletionProtectionEnabled: extras.deletionProtection,
      ...(extras.tableClass ? { TableClassSummary: { TableClass: extras.tableClass } } : {}),
      ...(extras.kmsKeyArn
        ? { SSEDescription: { Status: 'ENABLED', SSEType: 'KMS', KMSMasterKeyArn: extras.kmsKeyArn } }
        : {}),
    };
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
    extras.ttl = { enabled: wanted.Enabled, attribute: wanted.AttributeName };
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

function required(request: Json, field: string): unknown {
  const value = request[field];
  if (value !== undefined && value !== null) return value;
  const shown = `${field.charAt(0).toLowerCase()}${field.slice(1)}`;
  throw new DynamoDbFailure(
    'ValidationException',
    `1 validation error detected: Value null at '${shown}' failed to satisfy constraint: Member must not be null`,
  );
}
