import { awsStreamClient } from '../kinesis/aws/stream-client.ts';
import { awsStreamConsumers } from '../kinesis/aws/stream-consumers.ts';
import type { StreamConsumers } from '../kinesis/stream-consumers.ts';
import { listGroupIds } from '../leases/dynamodb/groups.ts';
import { awsCredentials, type AwsCredentials } from '../aws/credentials.ts';
import { createDynamoDbClient } from '../aws/dynamodb-client.ts';
import { openImport } from './position-import.ts';
import { openLeaseTable } from '../leases/dynamodb/lease-table.ts';
import { KcgError } from '../lib/errors.ts';
import type { Clock } from '../lib/clock.ts';
import { streamKey, type AwsAccount, type GroupTarget } from '../operator/aws-account.ts';
import { AwsRateLimits } from '../aws/rate-limits.ts';
import { dynamoDbTableAdmin } from '../table/dynamodb/table-admin.ts';
import type { CallOptions, StreamClient } from '../kinesis/stream-client.ts';

const PRINCIPAL = "the operator's role";

/**
 * The AWS side of the operator over the SDK: one client per stream, and one per region and endpoint for tables, within the
 * account's rates.
 */
export function sdkAwsAccount(clock: Clock): AwsAccount {
  const streams = new Map<string, StreamClient>();
  const credentials = awsCredentials({ clock });
  const limits = new AwsRateLimits(clock);
  const consumers = consumerClients(clock, credentials);
  const databases = databaseClients(credentials);
  const account: AwsAccount = {
    streamClient(target) {
      const { region, stream, endpoints } = target;
      const known = streams.get(streamKey(target));
      if (known) return known;
      const direct = awsStreamClient({
        streamName: stream.name,
        streamArn: stream.arn,
        region,
        endpoint: endpoints.kinesis,
        credentials,
        clock,
        principal: PRINCIPAL,
      });
      const client = paced(direct, (operation, signal) =>
        limits.take(endpoints.kinesis ?? region, operation, signal),
      );
      streams.set(streamKey(target), client);
      return client;
    },
    streamConsumers: (target) => consumers.of(target),
    async leaseTable(target, signal) {
      const { table: tableName, groupId, isShadow } = target;
      const at = { client: databases.of(target), clock, tableName, groupId, principal: PRINCIPAL };
      const table = await openLeaseTable(at, signal);
      if (!isShadow || table.layout === 'native') return table;
      throw new KcgError('Conflict', `table ${tableName} has room for one group, and none for its shadow`, {
        resource: `table ${tableName}`,
        fix: 'A shadow needs a table whose key is group_id + shard_id.',
      });
    },
    groupIds: (target, { limit, signal }) =>
      listGroupIds(
        { client: databases.of(target), clock, tableName: target.table, principal: PRINCIPAL },
        { limit, consistent: true, signal },
      ),
    tableAdmin: (target) =>
      dynamoDbTableAdmin({
        client: databases.of(target),
        clock,
        tableName: target.table,
        endpoint: target.endpoints.dynamodb,
        beforeCall: (operation, signal) =>
          limits.take(target.endpoints.dynamodb ?? target.region, operation, signal),
      }),
    openImport: (request) => {
      const stream = account.streamClient(request.target);
      return openImport(request, {
        client: databases.of(request.target),
        clock,
        principal: PRINCIPAL,
        stream,
      });
    },
    close() {
      for (const client of streams.values()) client.close();
      consumers.close();
      databases.close();
    },
  };
  return account;
}

/** One client per region and endpoint. */
function databaseClients(credentials: AwsCredentials) {
  const clients = new Map<string, ReturnType<typeof createDynamoDbClient>>();
  return {
    of({ region, endpoints: { dynamodb: endpoint } }: GroupTarget) {
      const key = JSON.stringify([region, endpoint]);
      const client = clients.get(key) ?? createDynamoDbClient({ region, endpoint, credentials });
      clients.set(key, client);
      return client;
    },
    close() {
      for (const client of clients.values()) client.destroy();
    },
  };
}

/** One client per region and endpoint. */
function consumerClients(clock: Clock, credentials: AwsCredentials) {
  const clients = new Map<string, StreamConsumers>();
  return {
    of({ region, endpoints: { kinesis: endpoint } }: GroupTarget): StreamConsumers {
      const key = JSON.stringify([region, endpoint]);
      const options = { region, endpoint, credentials, clock, principal: PRINCIPAL };
      const client = clients.get(key) ?? awsStreamConsumers(options);
      clients.set(key, client);
      return client;
    },
    close() {
      for (const client of clients.values()) client.close();
    },
  };
}

/** The stream's time comes with the answer to the same call as its description. */
function paced(
  client: StreamClient,
  take: (operation: string, signal: AbortSignal | undefined) => Promise<void>,
): StreamClient {
  const turn = ({ signal }: CallOptions) => take('DescribeStreamSummary', signal);
  return {
    ...client,
    describe: (options = {}) => turn(options).then(() => client.describe(options)),
    now: (options = {}) => turn(options).then(() => client.now(options)),
  };
}
