import type { Checkpoint } from '../kinesis/position.ts';
import { number, text, texts, time, type Row } from './row.ts';
import { decodeUnfinished, type Unfinished } from './unfinished.ts';

/** A shard's row: who owns it and how far it is processed. */
export interface Lease {
  shardId: string;
  /** `<worker>/<incarnation>`; absent = free. An ended shard keeps its last owner. */
  owner: string | undefined;
  /** +1 at every change of owner; 0 on a row written by another program. */
  epoch: number;
  /** Ms since the epoch, whole seconds, by the clock of who wrote it; when the owner got it. For people and for lag. */
  takenAt: number | undefined;
  checkpoint: Checkpoint;
  /** Ms since the epoch, whole seconds; last checkpoint. For people. */
  checkpointedAt: number | undefined;
  /** Ms behind the tip of the shard at the last checkpoint. */
  behindMs: number | undefined;
  /** Ms since the epoch; when `behindMs` was true. */
  readAt: number | undefined;
  /** Records or KiB per second that were processed, whichever is greater, over about a minute; 0 when not known. */
  load: number;
  /** Parent and adjacent parent. */
  parents: readonly string[];
  /** Not known of a row written by another program. */
  hashStart: string | undefined;
  hashEnd: string | undefined;
  /** How its owner came to it, or why it has none; undefined = it never had one, as far as kcg knows. For people. */
  lastChange: LeaseChange | undefined;
  /** What was given up of the shard, by all its owners; undefined = nothing. For people. */
  givenUp: GivenUp | undefined;
  /** What owners before have left at the checkpoint as they ended; undefined = nothing. */
  unfinished?: Unfinished | undefined;
  /** Seconds since the epoch; only on ended shards. */
  ttl: number | undefined;
}

/** Records that the handler did not process and does not get again. */
export interface GivenUp {
  /** How many. */
  records: number;
  /** Ms since the epoch; the last time. */
  at: number;
  /** The last reason, in Lambda's words: `RetryAttemptsExhausted` or `RecordAgeExceeded`. */
  why: string;
}

export interface LeaseChange {
  /** The reason that worker events tell: `TakenFromDead`, `GivenToBalance`, `Released`, …. */
  why: string;
  /** Ref of the owner before. */
  from: string | undefined;
}

/** `<worker>/<incarnation>`: names one life of one worker. */
export interface WorkerRef {
  worker: string;
  incarnation: string;
}

/** As rows carry it in `ref` and `last_owner`; `parseRef` takes it apart. */
export function formatRef({ worker, incarnation }: WorkerRef): string {
  return `${worker}/${incarnation}`;
}

/** At the last slash; a text without one is all `worker`, with an empty incarnation. */
export function parseRef(ref: string): WorkerRef {
  const slash = ref.lastIndexOf('/');
  return slash < 0
    ? { worker: ref, incarnation: '' }
    : { worker: ref.slice(0, slash), incarnation: ref.slice(slash + 1) };
}

/** All of it is processed. A shard that is only closed to new records is not ended. */
export function isEnded(lease: Pick<Lease, 'checkpoint'>): boolean {
  return lease.checkpoint.at === 'SHARD_END';
}

/** A row without `sequence` begins at TRIM_HORIZON; without `epoch` it is another program's, and has 0. */
export function decodeLease(row: Row): Lease {
  const why = text(row, 'why');
  return {
    shardId: row.shard_id,
    owner: text(row, 'ref'),
    epoch: number(row, 'epoch') ?? 0,
    takenAt: time(row, 'taken_at', 1000),
    checkpoint: decodeCheckpoint(row),
    checkpointedAt: time(row, 'ts', 1000),
    behindMs: number(row, 'behind_ms'),
    readAt: time(row, 'read_at'),
    load: number(row, 'load') ?? 0,
    parents: texts(row, 'parents'),
    hashStart: text(row, 'hash_start'),
    hashEnd: text(row, 'hash_end'),
    lastChange: why === undefined ? undefined : { why, from: text(row, 'last_owner') },
    givenUp: decodeGivenUp(row),
    unfinished: decodeUnfinished(row),
    ttl: number(row, 'ttl'),
  };
}

function decodeGivenUp(row: Row): GivenUp | undefined {
  const records = number(row, 'given_up');
  if (records === undefined) return undefined;
  return { records, at: time(row, 'given_up_at') ?? 0, why: text(row, 'given_up_why') ?? '' };
}

/** The attributes that say it. */
export function encodeGivenUp(givenUp: GivenUp | undefined): Record<string, string | number> {
  if (givenUp === undefined) return {};
  return { given_up: givenUp.records, given_up_at: givenUp.at, given_up_why: givenUp.why };
}

function decodeCheckpoint(row: Row): Checkpoint {
  const sequence = text(row, 'sequence') ?? 'TRIM_HORIZON';
  if (sequence === 'SHARD_END' || sequence === 'TRIM_HORIZON') return { at: sequence };
  if (sequence === 'AT_TIMESTAMP') return { at: sequence, timestampMs: number(row, 'start_at') ?? 0 };
  const subSequence = number(row, 'sub_sequence');
  return { at: 'SEQUENCE', sequence, ...(subSequence === undefined ? {} : { subSequence }) };
}

/** The attributes of a checkpoint: what to set and what to remove. */
export function encodeCheckpoint(checkpoint: Checkpoint): {
  set: Record<string, string | number>;
  remove: string[];
} {
  switch (checkpoint.at) {
    case 'TRIM_HORIZON':
    case 'SHARD_END':
      return { set: { sequence: checkpoint.at }, remove: ['sub_sequence', 'start_at'] };
    case 'AT_TIMESTAMP':
      return { set: { sequence: checkpoint.at, start_at: checkpoint.timestampMs }, remove: ['sub_sequence'] };
    case 'SEQUENCE':
      return checkpoint.subSequence === undefined
        ? { set: { sequence: checkpoint.sequence }, remove: ['sub_sequence', 'start_at'] }
        : {
            set: { sequence: checkpoint.sequence, sub_sequence: checkpoint.subSequence },
            remove: ['start_at'],
          };
  }
}
