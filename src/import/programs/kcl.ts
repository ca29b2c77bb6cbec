import { accountOfArn } from '../../api/arn.ts';
import type {
  ForeignPoint,
  ForeignPosition,
  ForeignPositions,
  ForeignRow,
  ForeignRows,
  ForeignSelection,
  SkippedRow,
} from '../foreign-store.ts';
import { fingerprint, number, pointOf, SHARD_ID, text, texts, wrongKey, wrongRow } from './row.ts';

/*
 * KCL 1, 2 and 3: one lease row per shard, with the key `leaseKey`. The owner stays in the row when its worker stops; only
 * `leaseCounter` tells, which grows with each renewal. Since 3.5 rows of other kinds lie beside the leases and say so in
 * `entityType`; before, all rows were leases. An application over several streams has `account:stream:epoch:shardId` as key.
 * A parent's row is removed when its children have begun. Where a shard begins without a checkpoint is written as one of three
 * words; the time that AT_TIMESTAMP means is not.
 */

/** Three times its default failover time, which it renews three times: one configured up to ninety seconds is seen. */
const EXPIRY_MS = 30_000;
/** A worker tells of itself so often, if it has no lease. */
const WORKER_EXPIRY_MS = 60_000;
/**
 * The sub-sequence that kcg exports behind a whole record, whatever it is: KCL reads the record of its checkpoint again and leaves
 * out what is not behind this. A plain record has 0.
 */
export const WHOLE_RECORD = 2_147_483_647;
const MULTI_STREAM_KEY = /^((\d+):([^:]+):(\d+)):(shardId-\d+)$/;
const MOVING = [
  'leaseOwner',
  'leaseCounter',
  'checkpointOwner',
  'checkpoint',
  'checkpointSubSequenceNumber',
  'pendingCheckpoint',
];

/** A lease row and whose it is: `account:stream:epoch` in an application over several streams. */
interface LeaseRow {
  row: ForeignRow;
  key: string;
  shardId: string;
  stream: { id: string; account: string; name: string; epoch: string } | undefined;
}

export function readKcl(rows: ForeignRows, selection: ForeignSelection): ForeignPositions {
  const { source } = rows;
  const wrong = wrongKey(rows, 'leaseKey');
  const sorted =
    wrong === undefined ? sortRows(rows) : { leases: [], others: [], skipped: [], refusals: [wrong] };
  const chosen = choose(sorted.leases, selection, source);
  const read = chosen.leases.map((lease) => positionOf(lease, source));
  const positions = read.flatMap(({ position }) => position ?? []);
  const refusals = [...sorted.refusals, ...chosen.refusals, ...read.flatMap(({ refusal }) => refusal ?? [])];
  if (positions.length === 0 && refusals.length === 0) refusals.push(tellEmpty(sorted.leases, source));
  const seen = sorted.others.flatMap((row) => number(row, 'lut') ?? []);
  const isShared = chosen.leases.some(({ stream }) => stream !== undefined);
  return {
    program: 'kcl',
    version: versionOf([...chosen.leases.map(({ row }) => row), ...sorted.others]),
    source,
    positions: positions.toSorted((a, b) => (a.shardId < b.shardId ? -1 : 1)),
    // An application over several streams may go on with the others.
    movement: [
      ...positions.map(({ movement }) => movement),
      ...(isShared
        ? []
        : sorted.others.map((row) => fingerprint(row, ['leaseKey', 'lut', 'recordVersionNumber']))),
    ].join('\n'),
    expiryMs: sorted.others.length > 0 && !isShared ? WORKER_EXPIRY_MS : EXPIRY_MS,
    isSilentWhenIdle: false,
    ...(seen.length === 0 ? {} : { lastSeenMs: Math.max(...seen) * 1000 }),
    dropsFinishedShards: true,
    ...(isShared ? { isShared } : {}),
    skipped: [...sorted.skipped, ...chosen.skipped],
    refusals,
  };
}

function sortRows({ rows, source }: ForeignRows) {
  const leases: LeaseRow[] = [];
  /** Of workers, of the leader, of a migration. */
  const others: ForeignRow[] = [];
  const skipped: SkippedRow[] = [];
  const refusals: string[] = [];
  for (const row of rows) {
    const key = text(row, 'leaseKey') ?? '';
    const kind = text(row, 'entityType') ?? 'LEASE';
    const lease = kind === 'LEASE' ? leaseOf(row, key) : undefined;
    if (lease) leases.push(lease);
    else if (kind !== 'LEASE') {
      others.push(row);
      skipped.push({ row: key, why: `it is no lease but ${kind}` });
    } else refusals.push(`${source}: the row ${key} is of no shard`);
  }
  return { leases, others, skipped, refusals };
}

function leaseOf(row: ForeignRow, key: string): LeaseRow | undefined {
  const [, id, account, name, epoch, shardId] = MULTI_STREAM_KEY.exec(key) ?? [];
  if (id !== undefined) {
    return { row, key, shardId: shardId!, stream: { id, account: account!, name: name!, epoch: epoch! } };
  }
  return SHARD_ID.test(key) ? { row, key, shardId: key, stream: undefined } : undefined;
}

/** The leases of the stream; the others are skipped, each with the reason. */
function choose(leases: readonly LeaseRow[], { stream, knownAs: told }: ForeignSelection, source: string) {
  // Its keys have neither the bare name nor the ARN.
  const knownAs = told === stream.name || told === stream.arn ? undefined : told;
  const account = accountOfArn(stream.arn) ?? '';
  const isOurs = ({ stream: its }: LeaseRow) =>
    its !== undefined &&
    (knownAs === undefined ? its.name === stream.name && its.account === account : its.id === knownAs);
  const named = leases.filter(isOurs);
  const created = String(Math.floor(stream.createdAt / 1000));
  const epochs = [...new Set(named.map((lease) => lease.stream!.epoch))];
  const epoch = epochs.length > 1 && epochs.includes(created) ? created : epochs[0];
  const single = leases.filter((lease) => lease.stream === undefined);
  const chosen = named.length > 0 ? named.filter((lease) => lease.stream!.epoch === epoch) : single;
  const skipped = leases
    .filter((lease) => !chosen.includes(lease))
    .map((lease): SkippedRow => {
      const its =
        lease.stream === undefined ? 'of an application over one stream' : `of the stream ${lease.stream.id}`;
      return { row: lease.key, why: `it is ${its}` };
    });
  const refusals: string[] = [];
  if (epochs.length > 1 && epoch !== created) {
    const ids = [...new Set(named.map((lease) => lease.stream!.id))].toSorted().join(', ');
    refusals.push(
      `${source} has leases of several streams of that name: ${ids}; name the one that is meant as stream`,
    );
  }
  if (knownAs !== undefined && named.length === 0) {
    refusals.push(tellEmpty(leases, source));
    return { leases: [], skipped, refusals };
  }
  return { leases: chosen, skipped, refusals };
}

function positionOf({ row, key, shardId }: LeaseRow, source: string) {
  const wrong = wrongRow(row, { name: key, attributes: ['checkpoint'], source });
  if (wrong !== undefined) return { refusal: wrong };
  const point = withSubSequence(pointOf(row['checkpoint']), row);
  if (point === undefined) {
    const written = ['checkpoint', 'checkpointSubSequenceNumber'].flatMap(
      (name) => JSON.stringify(row[name]) ?? [],
    );
    return {
      refusal: `${source}: the checkpoint of ${key} is ${written.join(' and ')}, which is no position`,
    };
  }
  const owner = text(row, 'leaseOwner');
  const pending = text(row, 'pendingCheckpoint');
  const parents = texts(row, 'parentShardId');
  const counter = number(row, 'leaseCounter');
  const position: ForeignPosition = {
    shardId,
    point,
    ...(owner === undefined ? {} : { owner }),
    ...(counter === undefined ? {} : { counter }),
    movement: fingerprint(row, MOVING),
    parents,
    ...(pending === undefined
      ? {}
      : { note: `has prepared the checkpoint ${pending} and not made it: it does not count` }),
  };
  return { position };
}

/** The user record that was done last; 0 on a plain record, which counts as done whole. KCL takes a missing one for 0. */
function withSubSequence(point: ForeignPoint | undefined, row: ForeignRow): ForeignPoint | undefined {
  if (point?.at !== 'SEQUENCE') return point;
  const subSequence = number({ checkpointSubSequenceNumber: 0, ...row }, 'checkpointSubSequenceNumber');
  if (subSequence === undefined) return undefined;
  return subSequence >= WHOLE_RECORD ? point : { ...point, subSequence };
}

function tellEmpty(leases: readonly LeaseRow[], source: string): string {
  const streams = [...new Set(leases.map(({ stream }) => stream?.id ?? 'the one stream of its application'))];
  return streams.length === 0
    ? `${source} has no lease of any shard: its application has not begun to read`
    : `${source} has no lease of this stream, only of ${streams.toSorted().join(', ')}`;
}

function versionOf(rows: readonly ForeignRow[]): string {
  const has = (attribute: string) => rows.some((row) => row[attribute] !== undefined);
  if (has('entityType')) return 'KCL 3.5 or newer';
  if (has('throughputKBps') || has('checkpointOwner')) return 'KCL 3';
  return has('startingHashKey') || has('childShardIds') ? 'KCL 2 or 3' : 'KCL 1 or 2';
}
