import { figure } from '../lib/count.ts';
import { formatCheckpoint } from '../view/format-position.ts';
import { formatDuration } from '../view/format.ts';
import { factLines } from '../view/fact-lines.ts';
import { statusOf, type EventView, type GroupPicture, type Unknown } from '../view/group-picture.ts';
import { isTrouble, problemsOf } from '../view/group-problems.ts';
import type { Problem } from '../view/problem.ts';
import type { ShardState, ShardView } from '../view/group-view.ts';
import type { Judged } from '../view/judge-shard.ts';
import { withoutOld } from '../view/shard-tree.ts';
import { formatHashKey } from '../view/shard-words.ts';
import { verdictOf, type Verdict } from '../view/verdict.ts';
import type { Board, Role } from './board.ts';
import type { Move, Series } from './group-history.ts';

/*
 * What the pages say, as data: the same read model and the same judgement as the command line. A page decides nothing of its
 * own, it draws this. Times are wall clock, ms since the epoch, so that a page can count ages without asking again.
 */

export interface GroupRow {
  /** `namespace/name`. */
  id: string;
  namespace: string;
  name: string;
  stream: string | undefined;
  verdict: Verdict;
  shards: string | undefined;
  pods: string | undefined;
  lag: string | undefined;
  /** What is wrong first; undefined = nothing. */
  worst: Problem | undefined;
  /** What else is. */
  more: number;
}

export interface ListPage {
  kind: 'list';
  role: Role;
  /** Undefined: they are not known yet. */
  groups: GroupRow[] | undefined;
}

export interface ShardRow extends Partial<Judged> {
  id: string;
  state: ShardState;
  open: boolean | undefined;
  /** It is read to its end, and so is all that came of it. */
  old: boolean;
  owner: string | undefined;
  lagMs: number | undefined;
  /** Records or KiB a second, whichever is more. */
  load: number | undefined;
  parents: readonly string[];
  /** Share of all hash keys that lies before it and in it, 0–1. */
  from: number;
  width: number;
  /** Of 32 hexadecimal digits. */
  hashStart: string;
  hashEnd: string;
  checkpoint: string | undefined;
  checkpointedAt: number | undefined;
}

export interface WorkerLine {
  id: string;
  state: string;
  shards: number;
  lagMs: number | undefined;
  node: string | undefined;
  startedAt: number | undefined;
  /** Undefined where its pod is not known. */
  ready: boolean | undefined;
  restarts: number | undefined;
  /** What it cannot do. */
  trouble: string | undefined;
}

export interface ConditionLine {
  id: string;
  status: string;
  reason: string;
  message: string;
  since: number;
}

export interface GroupPage {
  kind: 'group';
  role: Role;
  id: string;
  namespace: string;
  name: string;
  verdict: Verdict;
  facts: [name: string, text: string][];
  problems: Problem[];
  unknown: readonly Unknown[];
  /** When its rows were looked at; undefined = never by this process. */
  lookedAt: number | undefined;
  shards: ShardRow[];
  workers: WorkerLine[];
  conditions: ConditionLine[];
  moves: readonly Move[];
  /** Newest first. */
  events: EventView[];
  history: Series | undefined;
}

/** There is no such group. */
export interface MissingPage {
  kind: 'missing';
  role: Role;
  id: string;
}

export type Page = ListPage | GroupPage | MissingPage;

/** Worst first, then by name. */
export function listPage(board: Pick<Board, 'pictures' | 'role'>): ListPage {
  const groups = board.pictures()?.map(groupRow);
  const rank = ({ verdict: { kind } }: GroupRow) => RANK[kind];
  groups?.sort((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1));
  return { kind: 'list', role: board.role, groups };
}

const RANK: Record<Verdict['kind'], number> = { error: 0, warning: 1, unknown: 2, asked: 3, good: 4 };

function groupRow(picture: GroupPicture): GroupRow {
  const problems = problemsOf(picture);
  const troubles = problems.filter(isTrouble);
  const { view } = picture;
  const { summary } = statusOf(picture);
  const maxMs = view?.lag.maxMs;
  return {
    id: picture.title,
    namespace: picture.key?.namespace ?? '',
    name: picture.key?.name ?? picture.title,
    stream: picture.place.stream?.name,
    verdict: verdictOf(picture, problems),
    shards: view ? `${figure(view.ownedShards)}/${figure(view.readableShards)}` : summary?.shards,
    pods: summary?.pods,
    lag: maxMs === undefined ? summary?.lag : formatDuration(maxMs),
    worst: troubles[0],
    more: Math.max(0, troubles.length - 1),
  };
}

export function groupPage(
  picture: GroupPicture,
  board: Pick<Board, 'role' | 'history' | 'lookedAt'>,
): GroupPage {
  const { title, key, view, unknown, nowMs } = picture;
  const problems = problemsOf(picture);
  const history = board.history(title);
  return {
    kind: 'group',
    role: board.role,
    id: title,
    namespace: key?.namespace ?? '',
    name: key?.name ?? title,
    verdict: verdictOf(picture, problems),
    facts: factLines(picture),
    problems,
    unknown,
    lookedAt: board.lookedAt(title),
    shards: view ? shardRows(picture, view.shards) : [],
    workers: workerLines(picture),
    conditions: (statusOf(picture).conditions ?? []).map(
      ({ type, status, reason, message, lastTransitionTime }) => ({
        id: type,
        status,
        reason,
        message,
        since: Date.parse(lastTransitionTime),
      }),
    ),
    moves: history?.moves() ?? [],
    events: picture.events.toReversed().slice(0, MAX_EVENTS),
    history: history?.series(nowMs),
  };
}

/** The newest that are shown. */
const MAX_EVENTS = 100;

function shardRows({ rows }: GroupPicture, shards: readonly ShardView[]): ShardRow[] {
  const loads = new Map(rows?.leases.map(({ shardId, load }) => [shardId, load]));
  const recent = new Set(withoutOld(shards).map(({ shardId }) => shardId));
  return shards.map((shard) => {
    const { shardId, state, open, owner, lagMs, judged, parents, checkpoint, checkpointedAt } = shard;
    const start = BigInt(shard.hashStart);
    const width = BigInt(shard.hashEnd) - start + 1n;
    return {
      id: shardId,
      state,
      open,
      old: !recent.has(shardId),
      owner: state === 'ended' ? undefined : owner,
      lagMs,
      load: state === 'ended' ? undefined : loads.get(shardId),
      ...judged,
      parents,
      from: share(start),
      // Where no range is known, it is all the same to the picture.
      width: width > 1n ? share(width) : 0,
      hashStart: formatHashKey(shard.hashStart),
      hashEnd: formatHashKey(shard.hashEnd),
      checkpoint: checkpoint && formatCheckpoint(checkpoint),
      checkpointedAt,
    };
  });
}

/** Of all hash keys, 0–1; exact enough for a million shards. */
function share(keys: bigint): number {
  return Number((keys * 1_000_000_000n) >> 128n) / 1_000_000_000;
}

function workerLines({ view }: GroupPicture): WorkerLine[] {
  return (view?.workers ?? []).map(({ worker, row, said, pod, shards, lagMs }) => ({
    id: worker,
    state: said,
    shards,
    lagMs,
    node: row.node || undefined,
    startedAt: row.startedAt || undefined,
    ready: pod?.ready,
    restarts: pod?.restarts,
    trouble:
      row.handlerTrouble?.error ??
      (row.readTrouble && `reads fail: ${row.readTrouble}`) ??
      pod?.trouble?.message,
  }));
}
