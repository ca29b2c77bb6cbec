import { count, figure } from '../lib/count.ts';
import type { OptionTable } from '../lib/options.ts';
import type { Paint, Style } from '../lib/paint.ts';
import { formatAge, formatDuration } from '../view/format.ts';
import { formatCheckpoint } from '../view/format-position.ts';
import type { GroupPicture } from '../view/group-picture.ts';
import type { ShardView } from '../view/group-view.ts';
import type { Judgement } from '../view/judge-shard.ts';
import { shardTree, widthPercent, withoutOld, type TreeLine } from '../view/shard-tree.ts';
import { formatHashKey, formatJudged, formatLoad } from '../view/shard-words.ts';
import { otherClusterOptions, placeOptions, selectOptions, watchOption } from './group-options.ts';
import { printTable } from './print-table.ts';
import { printData, unknownLines } from './status.ts';

export const SORTS = ['lineage', 'lag', 'load', 'width'] as const;

export const shardsOptions = {
  namespace: selectOptions.namespace,
  ...watchOption,
  output: {
    type: 'string',
    short: 'o',
    description: 'more columns, or as data',
    choices: ['wide', 'json', 'yaml', 'name'],
  },
  'sort-by': { type: 'string', description: 'the tree, or most first', choices: SORTS, default: 'lineage' },
  all: {
    type: 'boolean',
    description: 'also shards that are read to their end and have no children left to read',
  },
  ...placeOptions,
  ...otherClusterOptions,
} as const satisfies OptionTable;

export interface ShardsInput {
  output: string | undefined;
  sortBy: (typeof SORTS)[number];
  all: boolean;
  paint: Paint;
}

/** What `kcg shards` prints of all its groups, without the newline at the end. */
export function printShardsOf(pictures: readonly GroupPicture[], input: ShardsInput): string {
  const { output } = input;
  if (output === 'json' || output === 'yaml')
    return printData(
      pictures.map((picture) => shardsData(picture, input)),
      output,
    );
  return pictures.map((picture) => printShards(picture, input)).join(output === 'name' ? '\n' : '\n\n');
}

interface Listed {
  /** All there are. */
  shards: readonly ShardView[];
  /** Those that are shown, in order. */
  lines: TreeLine[];
  loads: ReadonlyMap<string, number>;
}

function listed({ view, rows }: GroupPicture, { all, sortBy }: ShardsInput): Listed {
  const loads = new Map(rows?.leases.map(({ shardId, load }) => [shardId, load]));
  const shards = view?.shards ?? [];
  return { shards, loads, lines: arranged(all ? shards : withoutOld(shards), loads, sortBy) };
}

function shardsData(picture: GroupPicture, input: ShardsInput): object {
  const { lines, loads } = listed(picture, input);
  return { group: picture.title, shards: lines.map((line) => shardData(line, loads)) };
}

/** One group as text. */
export function printShards(picture: GroupPicture, input: ShardsInput): string {
  const { output, paint } = input;
  const { view, nowMs } = picture;
  const { shards, lines, loads } = listed(picture, input);
  if (output === 'name') return lines.map(({ shard }) => shard.shardId).join('\n');
  if (!view) return [picture.title, ...unknownLines(picture, paint)].join('\n');
  const hidden = shards.length - lines.length;
  const parts = [headline(picture, shards)];
  if (lines.length > 0)
    parts.push(printTable(table(lines, { loads, wide: output === 'wide', paint, nowMs })));
  if (hidden > 0) parts.push(`${count(hidden, 'shard')} read to the end: --all shows them.`);
  if (picture.unknown.length > 0) parts.push(unknownLines(picture, paint).join('\n'));
  return parts.join('\n\n');
}

function headline({ title, view, stream }: GroupPicture, shards: readonly ShardView[]): string {
  const open = shards.filter((shard) => shard.open === true).length;
  const closed = shards.filter((shard) => shard.open === false).length;
  const known =
    open + closed > 0
      ? `${figure(open)} open, ${figure(closed)} closed`
      : 'what the stream lists is not known';
  const lag = view?.lag.maxMs === undefined ? 'unknown' : formatDuration(view.lag.maxMs);
  const owned = view ? `${figure(view.ownedShards)} of ${figure(view.readableShards)} owned, ` : '';
  return `${title}${stream ? ` on ${stream.name}` : ''}: ${count(shards.length, 'shard')}, ${known}, ${owned}lag ${lag}`;
}

function arranged(
  shards: readonly ShardView[],
  loads: ReadonlyMap<string, number>,
  sortBy: ShardsInput['sortBy'],
): TreeLine[] {
  if (sortBy === 'lineage') return shardTree(shards);
  const value = (shard: ShardView) =>
    sortBy === 'lag'
      ? (shard.lagMs ?? -1)
      : sortBy === 'load'
        ? (loads.get(shard.shardId) ?? -1)
        : (widthPercent(shard) ?? -1);
  return shards
    .toSorted((a, b) => value(b) - value(a))
    .map((shard) => ({ shard, branch: '', otherParents: shard.parents }));
}

const STATE_STYLES: Partial<Record<ShardView['state'], Style>> = {
  unowned: 'red',
  'handing-off': 'yellow',
  ended: 'dim',
  waiting: 'dim',
};
const JUDGEMENT_STYLES: Record<Judgement, Style> = {
  OK: 'green',
  Slow: 'yellow',
  Stalled: 'red',
  Stopped: 'red',
  Rewound: 'red',
};

function table(
  lines: readonly TreeLine[],
  {
    loads,
    wide,
    paint,
    nowMs,
  }: { loads: ReadonlyMap<string, number>; wide: boolean; paint: Paint; nowMs: number },
): string[][] {
  const header = ['SHARD', 'WIDTH', 'STATE', 'OWNER', 'LOAD', 'LAG', 'JUDGEMENT'];
  const more = ['HASH FROM', 'HASH TO', 'CHECKPOINTED', 'POSITION', 'ALSO FROM'];
  return [
    wide ? [...header, ...more] : header,
    ...lines.map(({ shard, branch, otherParents }) => {
      const { shardId, state, lagMs, judged } = shard;
      const cells = [
        `${branch}${shardId}`,
        percent(widthPercent(shard)),
        paint(STATE_STYLES[state] ?? 'reset', state),
        ownerOf(shard),
        loadOf(loads.get(shardId), state),
        lagMs === undefined ? undefined : formatDuration(lagMs),
        judged && paint(JUDGEMENT_STYLES[judged.judgement], formatJudged(judged)),
      ];
      if (wide) {
        cells.push(formatHashKey(shard.hashStart), formatHashKey(shard.hashEnd));
        cells.push(
          shard.checkpointedAt === undefined ? undefined : `${formatAge(nowMs - shard.checkpointedAt)} ago`,
        );
        cells.push(shard.checkpoint && formatCheckpoint(shard.checkpoint), otherParents.join(','));
      }
      return cells.map((cell) => cell || '-');
    }),
  ];
}

function ownerOf({ state, owner }: ShardView): string | undefined {
  if (state === 'ended' || owner === undefined) return undefined;
  return state === 'unowned' ? `was ${owner}` : owner;
}

/** Records or KiB a second, whichever is more, as its owner has it in the row. */
function loadOf(load: number | undefined, state: ShardView['state']): string | undefined {
  if (state === 'ended' || !load) return undefined;
  return formatLoad(load);
}

function percent(width: number | undefined): string | undefined {
  if (width === undefined) return undefined;
  return `${width >= 10 ? width.toFixed(1) : width.toFixed(2)}%`;
}

function shardData({ shard }: TreeLine, loads: ReadonlyMap<string, number>): object {
  const {
    shardId,
    state,
    open,
    owner,
    lagMs,
    parents,
    judged,
    checkpoint,
    checkpointedAt,
    hashStart,
    hashEnd,
  } = shard;
  return {
    shardId,
    state,
    open,
    owner,
    widthPercent: widthPercent(shard),
    load: loads.get(shardId),
    lagMs,
    ...judged,
    parents,
    hashStart,
    hashEnd,
    position: checkpoint && formatCheckpoint(checkpoint),
    checkpointedAt: checkpointedAt === undefined ? undefined : new Date(checkpointedAt).toISOString(),
  };
}
