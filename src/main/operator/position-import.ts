import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { ImportSpec } from '../../api/import-spec.ts';
import { ForeignTable } from '../../import/dynamodb/foreign-table.ts';
import type { ForeignStore } from '../../import/foreign-store.ts';
import { ImportRun } from '../../import/import-run.ts';
import { openSource } from '../../import/open-source.ts';
import { ForeignKeys } from '../../import/redis/foreign-keys.ts';
import type { StreamClient } from '../../kinesis/stream-client.ts';
import type { Clock } from '../../lib/clock.ts';
import { assert } from '../../lib/assert.ts';
import { systemRandom } from '../../lib/random.ts';
import type { ImportRequest, ImportSession } from '../../operator/position-import.ts';

export interface StoreOptions {
  client: DynamoDBClient;
  clock: Clock;
  /** Whose credentials they are, for error messages. */
  principal: string;
  /** Of Redis. */
  password: string | undefined;
}

/** The table or server that `importFrom` names; it is only read. */
export function openForeignStore(
  { table, url }: Pick<ImportSpec, 'table' | 'url'>,
  { client, clock, principal, password }: StoreOptions,
): ForeignStore {
  if (table !== undefined) return new ForeignTable({ client, clock, tableName: table, principal });
  assert(url, 'a source that is not by time has a table or a URL');
  return new ForeignKeys({ clock, url, password });
}

/** One import of the operator's. */
export function openImport(
  { table, spec, password }: ImportRequest,
  { stream, ...store }: Omit<StoreOptions, 'password'> & { stream: StreamClient },
): ImportSession {
  const { importFrom } = spec.checkpoints;
  const source =
    importFrom &&
    openSource({
      importFrom,
      initialPosition: spec.initialPosition,
      stream,
      openStore: (from) => openForeignStore(from, { ...store, password }),
    });
  const run = new ImportRun({
    table,
    source,
    clock: store.clock,
    random: systemRandom,
    isShadow: spec.desiredState === 'Shadow',
    leaseDurationMs: spec.leases.durationSeconds * 1_000,
  });
  return { step: (signal) => run.step(signal), close: () => source?.close() };
}
