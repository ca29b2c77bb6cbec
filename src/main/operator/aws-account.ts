import { accountOfArn } from '../../api/arn.ts';
import { awsStreamClient, kinesisClient, kinesisReads } from '../../kinesis/aws/stream-client.ts';
import { awsStreamConsumers } from '../../kinesis/aws/stream-consumers.ts';
import { listGroupIds } from '../../leases/dynamodb/groups.ts';
import { awsCredentials, type AwsCredentials } from '../../aws/credentials.ts';
import { createDynamoDbClient } from '../../aws/dynamodb-client.ts';
import { openReset } from './offset-reset.ts';
import { openImport } from './position-import.ts';
import { openLeaseTable } from '../../leases/dynamodb/lease-table.ts';
import { KcgError } from '../../lib/errors.ts';
import type { Clock } from '../../lib/clock.ts';
import type { AwsAccount } from '../../operator/aws-account.ts';
import { identityKey, streamKey, tableKey, type GroupTarget } from '../../operator/group-target.ts';
import { AwsIdentities } from './aws-identities.ts';
import { AwsRateLimits } from '../../aws/rate-limits.ts';
import { dynamoDbTableAdmin } from '../../table/dynamodb/table-admin.ts';
import { TableLooks } from '../../table/table-looks.ts';
import type { CallOptions, StreamClient, StreamSummary } from '../../kinesis/stream-client.ts';

/**
 * The AWS side of the operator over the SDK: one client per stream, and one per region and endpoint for tables, of each
 * role, within the rates of its account.
 */
export function sdkAwsAccount(clock: Clock): AwsAccount {
  const own = { credentials: awsCredentials({ clock }), principal: "the operator's role", account: '' };
  const identities = new AwsIdentities(own, clock);
  const limits = new AwsRateLimits(clock);
  const consumers = clientsOf(
    identities,
    'kinesis',
    (place) => awsStreamConsumers({ ...place, clock }),
    (client) => client.close(),
  );
  const databases = clientsOf(identities, 'dynamodb', createDynamoDbClient, (client) => client.destroy());
  const streams = streamClients(clock, identities, limits);
  const tables = new TableLooks(clock);
  const at = (target: GroupTarget) => ({
    client: databases.of(target),
    clock,
    tableName: target.table,
    principal: identities.of(target).principal,
  });
  return {
    streamClient: (target) => streams.of(target),
    streamConsumers: (target) => consumers.of(target),
    async leaseTable(target, signal) {
      const { table: tableName, groupId, isShadow } = target;
      const keySchema = tables.keySchemaOf(lookKey(target));
      const table = await openLeaseTable({ ...at(target), groupId, keySchema }, signal);
      if (!isShadow || table.layout === 'native') return table;
      throw new KcgError('Conflict', `table ${tableName} has room for one group, and none for its shadow`, {
        resource: `table ${tableName}`,
        fix: 'A shadow needs a table whose key is group_id + shard_id.',
      });
    },
    groupIds: (target, { limit, signal }) => listGroupIds(at(target), { limit, consistent: true, signal }),
    tableAdmin: (target) => {
      const place = placeOf(identities, target, 'dynamodb');
      return tables.of({ table: lookKey(target), place }, () =>
        dynamoDbTableAdmin({
          ...at(target),
          endpoint: target.endpoints.dynamodb,
          beforeCall: (operation, signal) =>
            limits.take(placeOf(identities, target, 'dynamodb'), operation, signal),
        }),
      );
    },
    openImport: (request) => {
      const stream = streams.of(request.target);
      return openImport(request, { ...at(request.target), stream });
    },
    openReset: (request) => openReset(request, streams.of(request.target), clock),
    close() {
      streams.close();
      consumers.close();
      databases.close();
      identities.close();
    },
  };
}

/** A table as one role sees it: another may not be told the same. */
function lookKey(target: GroupTarget): string {
  return `${tableKey(target)} ${identityKey(target.role)}`;
}

/** Whose rates a call counts against: an account's, in a region or behind an endpoint. */
function placeOf(identities: AwsIdentities, target: GroupTarget, service: 'kinesis' | 'dynamodb'): string {
  return `${identities.of(target).account} ${target.endpoints[service] ?? target.region}`.trimStart();
}

/** One client per stream and role; those of a place call by one. */
function streamClients(clock: Clock, identities: AwsIdentities, limits: AwsRateLimits) {
  const controls = clientsOf(identities, 'kinesis', kinesisClient, (client) => client.destroy());
  const reads = clientsOf(
    identities,
    'kinesis',
    (place) => kinesisReads({ ...place, clock }),
    ({ client }) => client.destroy(),
  );
  const clients = new Map<string, StreamClient>();
  return {
    of(target: GroupTarget): StreamClient {
      const known = clients.get(streamKey(target));
      if (known) return known;
      const { region, stream, endpoints } = target;
      const { credentials, principal } = identities.of(target);
      const direct = awsStreamClient({
        streamName: stream.name,
        streamArn: stream.arn,
        region,
        endpoint: endpoints.kinesis,
        credentials,
        control: controls.of(target),
        reads: () => reads.of(target),
        clock,
        principal,
      });
      const client = paced(direct, {
        take: (operation, signal) => limits.take(placeOf(identities, target, 'kinesis'), operation, signal),
        onDescribed: ({ arn }) => {
          // One that is named by its ARN may be another's.
          if (!target.role && stream.arn === undefined) identities.learnOwn(accountOfArn(arn));
        },
      });
      clients.set(streamKey(target), client);
      return client;
    },
    close() {
      for (const client of clients.values()) client.close();
      controls.close();
      reads.close();
    },
  };
}

/** One client per region, endpoint and role. */
function clientsOf<T>(
  identities: AwsIdentities,
  service: 'kinesis' | 'dynamodb',
  open: (place: {
    region: string;
    endpoint: string | undefined;
    credentials: AwsCredentials;
    principal: string;
  }) => T,
  close: (client: T) => void,
) {
  const clients = new Map<string, T>();
  return {
    of(target: GroupTarget): T {
      const { region, role } = target;
      const endpoint = target.endpoints[service];
      const key = JSON.stringify([region, endpoint, identityKey(role)]);
      const { credentials, principal } = identities.of(target);
      const client = clients.get(key) ?? open({ region, endpoint, credentials, principal });
      clients.set(key, client);
      return client;
    },
    close: () => clients.forEach(close),
  };
}

/** The stream's time comes with the answer to the same call as its description. */
function paced(
  client: StreamClient,
  {
    take,
    onDescribed,
  }: {
    take: (operation: string, signal: AbortSignal | undefined) => Promise<void>;
    onDescribed: (summary: StreamSummary) => void;
  },
): StreamClient {
  const turn = ({ signal }: CallOptions) => take('DescribeStreamSummary', signal);
  return {
    ...client,
    async describe(options = {}) {
      await turn(options);
      const summary = await client.describe(options);
      onDescribed(summary);
      return summary;
    },
    now: (options = {}) => turn(options).then(() => client.now(options)),
  };
}
