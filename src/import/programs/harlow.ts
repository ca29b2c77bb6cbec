import type {
  ForeignPosition,
  ForeignPositions,
  ForeignRow,
  ForeignRows,
  ForeignSelection,
  SkippedRow,
} from '../foreign-store.ts';
import { fingerprint, number, pointOf, SHARD_ID, text, texts, wrongKey, wrongRow } from './row.ts';

/*
 * harlow/kinesis-consumer's `store/ddb`, and Telegraf's `kinesis_consumer`: rows under `<app>-<stream>` that hold a number and
 * nothing else, written when there is a new one. Nothing tells whether the program runs. Its consumer groups, new in 0.5.0, put
 * leases and workers under `<group>#<stream>`, in a table of their own or in the same one; that a shard is finished is told
 * there, and where it was read to in the rows above.
 */

/** How often it writes numbers; a group renews its leases every five seconds. */
const EXPIRY_MS = 60_000;
/** The lease of a group. */
const LEASE_MS = 20_000;
const LEASE = 'LEASE#';
const WORKER = 'WORKER#';
const MOVING = ['lease_owner', 'lease_expires_at', 'pending_owner', 'handoff_deadline', 'completed'];

interface Chosen {
  app: string;
  numbers: ForeignRow[];
  /** Leases and workers of the group of the same name. */
  group: ForeignRow[];
}

export function readHarlow(rows: ForeignRows, selection: ForeignSelection): ForeignPositions {
  const { source } = rows;
  const wrong = wrongKey(rows, 'namespace', 'shard_id');
  const chosen = wrong === undefined ? choose(rows, selection) : { refusal: wrong };
  const refusals = 'refusal' in chosen ? [chosen.refusal] : [];
  const { numbers, group } = 'refusal' in chosen ? { numbers: [], group: [] } : chosen;
  const leases = new Map(
    group.flatMap((row): [string, ForeignRow][] => {
      const key = text(row, 'shard_id') ?? '';
      return key.startsWith(LEASE) ? [[key.slice(LEASE.length), row]] : [];
    }),
  );
  const counted = new Map(numbers.map((row) => [text(row, 'shard_id') ?? '', row]));
  const ids = [...new Set([...counted.keys(), ...leases.keys()])].toSorted();
  const read = ids.map((shardId) =>
    positionOf(shardId, { count: counted.get(shardId), lease: leases.get(shardId) }, source),
  );
  const positions = read.flatMap(({ position }) => position ?? []);
  refusals.push(...read.flatMap(({ refusal }) => refusal ?? []));
  const workers = group.filter((row) => text(row, 'shard_id')?.startsWith(WORKER));
  const ends = group.flatMap(
    (row) => number(row, 'lease_expires_at') ?? number(row, 'worker_expires_at') ?? [],
  );
  const lastSeenMs = Math.max(...ends) - LEASE_MS;
  return {
    program: 'harlow',
    version: `harlow/kinesis-consumer ${leases.size > 0 ? 'with consumer groups' : 'or Telegraf'}${
      'refusal' in chosen ? '' : `, application ${chosen.app}`
    }`,
    source,
    positions,
    movement: [
      ...positions.map(({ movement }) => movement),
      ...workers.map((row) => fingerprint(row, ['shard_id', 'worker_expires_at'])),
    ].join('\n'),
    expiryMs: EXPIRY_MS,
    isSilentWhenIdle: leases.size === 0,
    ...(lastSeenMs > 0 ? { lastSeenMs } : {}),
    dropsFinishedShards: false,
    skipped: skippedOf(rows, { numbers, group }),
    refusals,
  };
}

/** Rows of one application and this stream. An application's name may end as the stream's begins: the stream's name is given. */
function choose(
  { rows, source }: ForeignRows,
  { stream, group: app }: ForeignSelection,
): Chosen | { refusal: string } {
  const namespaces = [...new Set(rows.map((row) => text(row, 'namespace') ?? ''))].toSorted();
  const ofNumbers = namespaces.filter(
    (name) => !name.endsWith(`#${stream.name}`) && name.endsWith(`-${stream.name}`),
  );
  const apps = ofNumbers.map((name) => name.slice(0, -stream.name.length - 1));
  const found = app === undefined ? apps : apps.filter((name) => name === app);
  if (found.length > 1) {
    return {
      refusal: `${source} has this stream of the applications ${found.join(', ')}; name the one that is meant as group`,
    };
  }
  const [name] = found;
  if (name === undefined) {
    const only = namespaces.length === 0 ? 'it is empty' : `it has ${namespaces.join(', ')}`;
    const leases = namespaces.some((name) => name.endsWith(`#${stream.name}`))
      ? '; leases of a group are no positions: give the table of its checkpoint store'
      : '';
    return { refusal: `${source} has no rows of ${app ?? '<application>'}-${stream.name}: ${only}${leases}` };
  }
  const groups = namespaces.filter((namespace) => namespace.endsWith(`#${stream.name}`));
  const own = `${name}#${stream.name}`;
  // The store may have been given another name than the group.
  const of = groups.includes(own) || groups.length > 1 || apps.length > 1 ? own : (groups[0] ?? own);
  const under = (namespace: string) => rows.filter((row) => text(row, 'namespace') === namespace);
  return { app: name, numbers: under(`${name}-${stream.name}`), group: under(of) };
}

function positionOf(
  shardId: string,
  { count, lease }: { count: ForeignRow | undefined; lease: ForeignRow | undefined },
  source: string,
) {
  if (!SHARD_ID.test(shardId)) return { refusal: `${source}: the row ${shardId} is of no shard` };
  const wrong = count && wrongRow(count, { name: shardId, attributes: ['sequence_number'], source });
  if (wrong !== undefined) return { refusal: wrong };
  const point =
    lease?.['completed'] === true ? ({ at: 'SHARD_END' } as const) : pointOf(count?.['sequence_number']);
  if (point === undefined) {
    const value = JSON.stringify(count?.['sequence_number']);
    return { refusal: `${source}: the sequence_number of ${shardId} is ${value}, which is no position` };
  }
  const owner = lease && text(lease, 'lease_owner');
  const leasedUntilMs = lease && number(lease, 'lease_expires_at');
  const position: ForeignPosition = {
    shardId,
    point,
    ...(owner === undefined ? {} : { owner }),
    movement: fingerprint({ ...lease, ...count }, [...MOVING, 'sequence_number']),
    // 0 is written where there is no owner.
    ...(leasedUntilMs ? { leasedUntilMs } : {}),
    ...(lease
      ? { parents: [...texts(lease, 'parent_shard_id'), ...texts(lease, 'adjacent_parent_shard_id')] }
      : {}),
  };
  return { position };
}

function skippedOf({ rows }: ForeignRows, { numbers, group }: Omit<Chosen, 'app'>): SkippedRow[] {
  if (numbers.length === 0) return [];
  return rows
    .filter((row) => !numbers.includes(row))
    .filter((row) => !group.includes(row) || text(row, 'shard_id')?.startsWith(WORKER))
    .map((row) => {
      const namespace = text(row, 'namespace') ?? '';
      const why = group.includes(row) ? 'it is of a worker' : `it is of ${namespace}`;
      return { row: `${namespace} ${text(row, 'shard_id') ?? ''}`, why };
    });
}
