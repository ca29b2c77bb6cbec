import { awsStreamConsumers } from '../../kinesis/aws/stream-consumers.ts';
import type { StreamClient } from '../../kinesis/stream-client.ts';
import { openLeaseTable } from '../../leases/dynamodb/lease-table.ts';
import type { LeaseTable } from '../../leases/lease-table.ts';
import { compareRollouts, decodeWorker } from '../../leases/worker-row.ts';
import { systemClock } from '../../lib/clock.ts';
import { hasCode, KcgError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { systemRandom } from '../../lib/random.ts';
import type { LibrarySpec } from '../../api/library-spec.ts';
import type { WorkerConfig } from '../../api/worker-config.ts';
import type { AwsCredentials } from '../../aws/credentials.ts';
import { openPatiently } from '../../runtime/open-patiently.ts';
import { dynamoDbTableAdmin } from '../../table/dynamodb/table-admin.ts';
import type { openClients } from '../worker/worker-clients.ts';
import { desiredTable, ensureTable } from './ensure-table.ts';

export const PRINCIPAL = "the program's identity";

export interface OpenTableOptions {
  spec: LibrarySpec;
  table: string;
  clients: Pick<ReturnType<typeof openClients>, 'client' | 'beatClient'>;
  log: Log;
  onRequest: (operation: string) => void;
}

/**
 * The group's rows, in a table that is created when the options say so. Undefined when `stop` aborts before.
 * @throws KcgError `NotFound` when there is no table and none is to be created
 */
export function openTable(
  { spec, table, clients, log, onRequest }: OpenTableOptions,
  stop: AbortSignal,
): Promise<LeaseTable | undefined> {
  const { client, beatClient } = clients;
  const clock = systemClock;
  const opening = { clock, random: systemRandom, log, waiting: 'the table cannot be reached yet' };
  const place = { client, beatClient, clock, tableName: table, groupId: spec.groupId, principal: PRINCIPAL };
  return openPatiently(opening, stop, async () => {
    if (spec.table.create) {
      const endpoint = spec.endpoints.dynamodb;
      const admin = dynamoDbTableAdmin({
        client,
        clock,
        tableName: table,
        endpoint,
        beforeCall: async () => {},
      });
      await ensureTable({ admin, desired: desiredTable(table, spec), clock, log, signal: stop });
    }
    try {
      return await openLeaseTable({ ...place, onRequest }, stop);
    } catch (thrown) {
      if (!hasCode(thrown, 'NotFound')) throw thrown;
      throw new KcgError('NotFound', `there is no table ${table}`, {
        resource: `table ${table}`,
        fix: 'Set table: { create: true } to have it created, or name the one that the group uses.',
        cause: thrown,
      });
    }
  });
}

/**
 * Pods carry the revision of their template, and while several are live only the newest is given shards. A worker outside joins the
 * newest that lives, as one of them.
 */
export async function newestRevision(
  table: LeaseTable,
  signal: AbortSignal,
): Promise<{ revision: number; restartedAt: number }> {
  const rows = await table.query('workers', { consistent: true, signal });
  const live = rows.map((row) => decodeWorker(row)).filter(({ state }) => state !== 'dead');
  const [newest] = live.sort((a, b) => compareRollouts(b, a));
  return { revision: newest?.revision ?? 0, restartedAt: newest?.restartedAt ?? 0 };
}

export interface FindConsumerOptions {
  spec: LibrarySpec;
  region: string;
  credentials: AwsCredentials;
  stream: StreamClient;
}

/**
 * Undefined: the stream is polled.
 * @throws KcgError `NotFound` when the stream has no such consumer, `Conflict` when it is not active
 */
export async function findConsumer(
  { spec, region, credentials, stream }: FindConsumerOptions,
  signal: AbortSignal,
): Promise<WorkerConfig['consumerArn']> {
  const { consumer, groupId, endpoints } = spec;
  if (consumer.type !== 'EnhancedFanOut') return undefined;
  const name = consumer.name ?? groupId;
  const clock = systemClock;
  const endpoint = endpoints.kinesis;
  const consumers = awsStreamConsumers({ region, endpoint, credentials, clock, principal: PRINCIPAL });
  try {
    const { arn } = await stream.describe({ signal });
    const found = await consumers.find(arn, name, { signal });
    if (found?.status === 'ACTIVE') return found.arn;
    throw new KcgError(
      found ? 'Conflict' : 'NotFound',
      found ? `stream consumer ${name} is ${found.status}` : `the stream has no consumer ${name}`,
      {
        resource: `stream ${arn}`,
        fix: found
          ? 'Wait until it is ACTIVE.'
          : `Register it once: aws kinesis register-stream-consumer --stream-arn ${arn} --consumer-name ${name}`,
      },
    );
  } finally {
    consumers.close();
  }
}
