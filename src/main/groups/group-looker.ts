import { accountOfArn } from '../../api/arn.ts';
import { isReading } from '../../api/group.ts';
import { workerSelector } from '../../api/labels.ts';
import { awsCredentials } from '../../aws/credentials.ts';
import type { StreamClient } from '../../kinesis/stream-client.ts';
import { openLeaseTable, type DynamoDbLeaseTable } from '../../leases/dynamodb/lease-table.ts';
import { decodeRows, type GroupRows } from '../../leases/group-rows.ts';
import { ObservedWorkers } from '../../leases/observed-workers.ts';
import { systemClock as clock } from '../../lib/clock.ts';
import { describeError, KcgError } from '../../lib/errors.ts';
import { KINDS, type StoredObject } from '../../kubernetes/cluster.ts';
import { podView } from '../../operator/observe/observe-pods.ts';
import { dynamoDbTableAdmin } from '../../table/dynamodb/table-admin.ts';
import { eventsOf } from '../../view/event-view.ts';
import type { GroupPicture, Unknown } from '../../view/group-picture.ts';
import { groupView, type GroupView } from '../../view/group-view.ts';
import { relevantShards } from '../../view/relevant-shards.ts';
import { ShardWindows } from '../../view/shard-windows.ts';
import { forAws } from './for-aws.ts';
import { groupInTable } from './group-in-table.ts';
import type { GroupSource } from './group-sources.ts';
import { ANY_REGION, useLocalCredentials } from './local-credentials.ts';
import { USER_CALLS, userDynamoDb, userStreamClient } from './user-aws.ts';
import type { UserCluster } from './user-cluster.ts';

/** What is worth its calls to somebody. */
export interface Wanted {
  /** Rows, stream and pods; without it only what the resource says. */
  aws: boolean;
  events?: boolean;
  /** Settings of the table. */
  table?: boolean;
}

/** Looks at one group again and again; what earlier looks have shown is kept. Close it when done. */
export class GroupLooker {
  readonly #windows = new ShardWindows();
  readonly #observed = new ObservedWorkers();
  #looks = 0;
  #aws: AwsClients | undefined;
  #named: GroupSource | undefined;

  close(): void {
    this.#aws?.close();
  }

  /**
   * Never fails for what could not be asked: it is in `unknown`.
   * @throws KcgError when aborted; `InvalidInput` or `NotFound` when flags name a table, and no group of it
   */
  async look(
    given: GroupSource,
    { cluster, wanted, signal }: { cluster: UserCluster | undefined; wanted: Wanted; signal: AbortSignal },
  ): Promise<GroupPicture> {
    const source = wanted.aws ? await this.#withItsGroup(given, signal) : given;
    const unknown: Unknown[] = [];
    if (source.withoutKubernetes !== undefined)
      unknown.push({ what: 'Kubernetes', why: source.withoutKubernetes });
    const attempt = async <T>(what: Unknown['what'], read: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await read();
      } catch (thrown) {
        if (signal.aborted) throw thrown;
        const isOfCluster = what === 'pods' || what === 'Events';
        const error = isOfCluster ? cluster!.explain(thrown) : forAws(thrown);
        const elsewhere = error.code === 'NotFound' && !isOfCluster ? placeOfRole(source) : undefined;
        const missing = error.code === 'NotFound' && elsewhere === undefined ? { isMissing: true } : {};
        unknown.push({ what, why: `${describeError(error)}${elsewhere ?? ''}`, ...missing });
        return undefined;
      }
    };
    const aws = wanted.aws ? this.#open(source) : undefined;
    const { key } = source;
    const [rows, stream, shards, table, pods, events] = await Promise.all([
      aws && attempt('rows', () => aws.rows(signal)),
      aws?.stream && attempt('stream', () => aws.stream!.describe({ signal })),
      // What `describe` has said is not said again.
      aws?.stream?.listShards({ from: 'TRIM_HORIZON' }, { signal }).catch(() => undefined),
      aws && wanted.table ? attempt('table', () => aws.table(signal)) : undefined,
      cluster && key && wanted.aws ? attempt('pods', () => podsOf(cluster, key, signal)) : undefined,
      cluster && key && wanted.events
        ? attempt('Events', () => allEvents(cluster, key.namespace, signal))
        : undefined,
    ]);
    const nowMs = clock.now();
    const podViews = pods?.map((pod) => podView(pod, nowMs));
    const base = { ...source, rows, stream, shards, table, pods: podViews, unknown, nowMs };
    return {
      ...base,
      view: rows && this.#view({ ...base, rows }),
      events: events && key ? eventsOf(events, key.name) : [],
      silentMs: rows ? this.#silence(rows) : new Map(),
    };
  }

  /** Rows, stream and table of the source, as clients. */
  aws(source: GroupSource): AwsClients {
    return this.#open(source);
  }

  #open({ place }: GroupSource): AwsClients {
    useLocalCredentials([place.kinesis, place.dynamodb], process.env);
    return (this.#aws ??= awsClients(place));
  }

  /** Flags may name a table alone, which says itself whose it is. */
  async #withItsGroup(given: GroupSource, signal: AbortSignal): Promise<GroupSource> {
    const { group, key, place, title } = given;
    if (group !== undefined || key !== undefined) return given;
    if (this.#named) return this.#named;
    useLocalCredentials([place.dynamodb], process.env);
    const client = userDynamoDb({ region: regionOf(place), endpoint: place.dynamodb });
    const at = { ...USER_CALLS, client, tableName: place.table };
    try {
      const { groupId } = await groupInTable(at, place.groupId, signal);
      return (this.#named = { ...given, title: groupId ?? title, place: { ...place, groupId } });
    } catch (thrown) {
      if (signal.aborted || KcgError.from(thrown).resource === undefined) throw thrown;
      // That the table cannot be read is told where its rows are.
      return given;
    } finally {
      client.destroy();
    }
  }

  #view(
    seen: Pick<GroupPicture, 'group' | 'shards' | 'pods' | 'stream' | 'nowMs'> & { rows: GroupRows },
  ): GroupView {
    const { rows, shards, pods = [], stream, nowMs, group } = seen;
    const view = groupView({
      rows,
      shards: shards && relevantShards(shards, rows, group?.spec ?? { initialPosition: { type: 'Latest' } }),
      pods,
      retentionHours: stream?.retentionHours,
      nowMs,
      readTo: this.#windows.readTo(),
    });
    return this.#windows.judge({
      view,
      rows,
      nowMs,
      isFresh: true,
      isPaused: rows.claim?.paused ?? (group !== undefined && !isReading(group)),
      leaseDurationMs: (group?.spec.leases.durationSeconds ?? 15) * 1_000,
      checkpointIntervalMs: (group?.spec.checkpoints.intervalSeconds ?? 5) * 1_000,
      batchWindowMs: (group?.spec.handler.batchWindowSeconds ?? 0) * 1_000,
    });
  }

  #silence({ workers }: GroupRows): Map<string, number> {
    const nowMs = clock.monotonic();
    this.#observed.observe(workers, nowMs);
    this.#looks += 1;
    if (this.#looks < 2) return new Map();
    return new Map(workers.map((row) => [row.worker, this.#observed.stillMs(row, nowMs)]));
  }
}

export interface AwsClients {
  rows(signal: AbortSignal): Promise<GroupRows>;
  leaseTable(signal: AbortSignal): Promise<DynamoDbLeaseTable>;
  table(signal: AbortSignal): ReturnType<ReturnType<typeof dynamoDbTableAdmin>['describe']>;
  stream: StreamClient | undefined;
  close(): void;
}

function regionOf({ region, kinesis, dynamodb }: GroupSource['place']): string | undefined {
  const isLocal = kinesis !== undefined || dynamodb !== undefined;
  return region ?? (isLocal ? ANY_REGION : undefined);
}

function awsClients(place: GroupSource['place']): AwsClients {
  const { groupId, table: tableName, stream, kinesis, dynamodb } = place;
  const at = { region: regionOf(place), credentials: awsCredentials({ clock }) };
  const client = userDynamoDb({ ...at, endpoint: dynamodb });
  const streamClient =
    stream && userStreamClient({ ...at, endpoint: kinesis, streamName: stream.name, streamArn: stream.arn });
  let opened: Promise<DynamoDbLeaseTable> | undefined;
  const leaseTable = (signal: AbortSignal) => {
    opened ??= openLeaseTable({ ...USER_CALLS, client, tableName, groupId: groupId ?? '' }, signal);
    opened.catch(() => (opened = undefined));
    return opened;
  };
  return {
    leaseTable,
    async rows(signal) {
      return decodeRows(await (await leaseTable(signal)).query('all', { consistent: true, signal }));
    },
    table: (signal) =>
      dynamoDbTableAdmin({ client, clock, tableName, endpoint: dynamodb }).describe({ signal }),
    stream: streamClient,
    close() {
      client.destroy();
      streamClient?.close();
    },
  };
}

/** Where that may be which is not in the account of who asks; undefined for a group without a role. */
function placeOfRole({ group }: GroupSource): string | undefined {
  const account = accountOfArn(group?.spec.aws?.roleArn);
  if (account === undefined) return undefined;
  return ` The group is in account ${account}, that of spec.aws.roleArn: ask with credentials of it.`;
}

function podsOf(
  { calls }: UserCluster,
  { namespace, name }: { namespace: string; name: string },
  signal: AbortSignal,
) {
  return calls.select(KINDS.pod, { namespace, selector: selectorOf(name), signal });
}

/** Of the workers of a group, as kubectl -l takes it. */
export function selectorOf(name: string): string {
  return Object.entries(workerSelector(name))
    .map(([label, value]) => `${label}=${value}`)
    .join(',');
}

function allEvents({ calls }: UserCluster, namespace: string, signal: AbortSignal): Promise<StoredObject[]> {
  return calls.select(KINDS.event, { namespace, signal });
}
