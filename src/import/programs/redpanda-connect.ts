import type {
  ForeignPosition,
  ForeignPositions,
  ForeignRow,
  ForeignRows,
  ForeignSelection,
  SkippedRow,
} from '../foreign-store.ts';
import { fingerprint, pointOf, SHARD_ID, text, timedLease, wrongKey, wrongRow } from './row.ts';

/*
 * The input `aws_kinesis` of Redpanda Connect, and of Benthos and Bento before it. One table for all streams; `StreamID` is the
 * stream's name or ARN as it is configured, so two spellings of one stream are two groups. A shard's row is made when it is
 * claimed and deleted when it is finished. A shard that is configured by hand has the id that was typed, which may be `0`.
 */

/** Its lease period; it writes every five seconds. */
const EXPIRY_MS = 30_000;
const MOVING = ['SequenceNumber', 'ClientID', 'LeaseTimeout'];

export function readRedpandaConnect(rows: ForeignRows, selection: ForeignSelection): ForeignPositions {
  const { source } = rows;
  const wrong = wrongKey(rows, 'StreamID', 'ShardID');
  const refusals = wrong === undefined ? [] : [wrong];
  const all = wrong === undefined ? rows.rows : [];
  const names = [...new Set(all.map((row) => text(row, 'StreamID') ?? ''))].toSorted();
  const ours = names.filter((name) => isStream(name, selection));
  if (ours.length > 1) {
    refusals.push(
      `${source} has this stream as ${ours.join(' and as ')}, which are two groups; name the one that is meant as stream`,
    );
  }
  const isChosen = (row: ForeignRow) => ours.length === 1 && text(row, 'StreamID') === ours[0];
  const read = all.filter(isChosen).map((row) => positionOf(row, source));
  const positions = read.flatMap(({ position }) => position ?? []);
  refusals.push(...read.flatMap(({ refusal }) => refusal ?? []), ...twice(positions, source));
  if (positions.length === 0 && refusals.length === 0) {
    const only = names.length === 0 ? '' : `, only of ${names.join(', ')}`;
    refusals.push(`${source} has no row of this stream${only}`);
  }
  const skipped = all
    .filter((row) => !isChosen(row) && ours.length < 2)
    .map((row): SkippedRow => {
      const name = text(row, 'StreamID') ?? '';
      return { row: `${name} ${text(row, 'ShardID') ?? ''}`, why: `it is of the stream ${name}` };
    });
  const leased = positions.flatMap(({ leasedUntilMs }) => leasedUntilMs ?? []);
  return {
    program: 'redpanda-connect',
    version: 'aws_kinesis',
    source,
    positions: positions.toSorted((a, b) => (a.shardId < b.shardId ? -1 : 1)),
    movement: positions.map(({ movement }) => movement).join('\n'),
    expiryMs: EXPIRY_MS,
    isSilentWhenIdle: false,
    ...(leased.length === 0 ? {} : { lastSeenMs: Math.max(...leased) - EXPIRY_MS }),
    dropsFinishedShards: true,
    skipped,
    refusals,
  };
}

/** An ARN may have a `*` for region or account. */
function isStream(id: string, { stream, knownAs }: ForeignSelection): boolean {
  if (knownAs !== undefined && knownAs !== stream.name) return id === knownAs;
  if (knownAs !== undefined) return id === stream.name;
  if (!id.startsWith('arn:')) return id === stream.name;
  const ours = stream.arn.split(':');
  const its = id.split(':');
  return (
    its.length === ours.length && its.every((part, i) => part === ours[i] || part === '*' || part === '')
  );
}

function positionOf(row: ForeignRow, source: string) {
  const written = text(row, 'ShardID') ?? '';
  const shardId = /^\d+$/.test(written) ? `shardId-${written.padStart(12, '0')}` : written;
  if (!SHARD_ID.test(shardId)) return { refusal: `${source}: the row ${written} is of no shard` };
  // A client that was stopped before its first record leaves the key alone.
  const isBare = Object.keys(row).length === 2;
  const wrong = isBare ? undefined : wrongRow(row, { name: written, attributes: MOVING, source });
  if (wrong !== undefined) return { refusal: wrong };
  const point = pointOf(row['SequenceNumber']);
  if (point === undefined) {
    const value = JSON.stringify(row['SequenceNumber']);
    return { refusal: `${source}: the SequenceNumber of ${written} is ${value}, which is no position` };
  }
  const position: ForeignPosition = {
    shardId,
    point,
    ...timedLease(row, 'ClientID'),
    movement: fingerprint(row, MOVING),
  };
  return { position };
}

function twice(positions: readonly ForeignPosition[], source: string): string[] {
  const ids = positions.map(({ shardId }) => shardId);
  return [...new Set(ids.filter((id, i) => ids.indexOf(id) !== i))].map(
    (id) =>
      `${source} has two rows of ${id}, one with its id and one with its number: remove the one that is not in use`,
  );
}
