import type { ShardRow } from '../page-data.ts';
import type { Cell, Layout, Span } from './shard-layout.ts';
import { MARK_PX, marksOf } from './shard-marks.ts';
import { kindOf } from './shard-order.ts';
import type { Paints } from './shard-paints.ts';
import { lagWords, loadWords, shortPod, shortShard } from './words.ts';

/** Heights of the parts of the picture, CSS pixels. */
export interface Heights {
  row: number;
  rows: number;
  strip: number;
  total: number;
}

const STRIP_PX = 34;
const GAP_PX = 18;
/** Above the rows, where the marks are. */
const TOP_PX = 9;
const ALL_ROWS_PX = 150;

export function heightsOf({ rows }: Pick<Layout, 'rows'>): Heights {
  const row = Math.min(46, Math.max(14, Math.floor(ALL_ROWS_PX / rows)));
  const all = row * rows;
  return { row, rows: all, strip: STRIP_PX, total: TOP_PX + all + 2 * (GAP_PX + STRIP_PX) };
}

/** Which row a point of the picture is in; may be outside. */
export function rowAt(y: number, heights: Heights): number {
  return (y - TOP_PX) / heights.row;
}

export interface Drawing {
  canvas: HTMLCanvasElement;
  layout: Layout;
  span: Span;
  selected: string | undefined;
  /** CSS pixels. */
  width: number;
  heights: Heights;
  paints: Paints;
}

interface Pen extends Drawing, Paints {
  context: CanvasRenderingContext2D;
}

/** Draws all that is in sight: a thousand shards take about a millisecond. */
export function drawShards(drawing: Drawing): void {
  const { canvas, width, heights, layout } = drawing;
  const context = canvas.getContext('2d');
  if (!context || width <= 0) return;
  const ratio = devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(heights.total * ratio)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, heights.total);
  const { colours, font } = drawing.paints;
  const pen: Pen = { ...drawing, ...drawing.paints, context };
  context.font = font;
  context.textBaseline = 'middle';
  const seen = layout.cells.filter(({ shard }) => isSeen(shard, drawing.span));
  for (const cell of seen) drawCell(pen, cell);
  for (const cell of seen) if (kindOf(cell.shard) === 'trouble') drawTrouble(pen, cell);
  drawMarks(pen, seen);
  const live = seen.filter(({ shard }) => shard.state !== 'ended' && shard.state !== 'waiting');
  const below = TOP_PX + heights.rows + GAP_PX;
  const lags = layout.cells.flatMap(({ shard }) => shard.lagMs ?? []);
  const lag = `lag, most ${lagWords(lags.length === 0 ? undefined : Math.max(...lags))}`;
  drawStrip(pen, live, { top: below, label: lag, value: lagShare, colour: colours.text });
  const most = Math.max(0, ...layout.cells.map(({ shard }) => shard.load ?? 0));
  const load = `load, most ${loadWords(most)}`;
  const loadShare = ({ load = 0 }: ShardRow) => load / Math.max(1, most);
  drawStrip(pen, live, {
    top: below + STRIP_PX + GAP_PX,
    label: load,
    value: loadShare,
    colour: colours.load,
  });
  const chosen = seen.find(({ shard }) => shard.id === drawing.selected);
  if (chosen) drawChosen(pen, chosen);
}

function isSeen({ from, width }: ShardRow, span: Span): boolean {
  return from + width >= span.from && from <= span.from + span.width;
}

/** Of a day, on a scale on which a second can be seen and a day has room. */
const DAY_MS = 86_400_000;
function lagShare({ lagMs = 0 }: ShardRow): number {
  return lagMs < 1_000 ? 0 : Math.min(1, Math.log(lagMs / 500) / Math.log(DAY_MS / 500));
}

function boxOf({ span, width, heights }: Pen, { shard, top, bottom }: Cell) {
  const scale = width / span.width;
  const x = (shard.from - span.from) * scale;
  const full = shard.width * scale;
  const gap = full > 6 ? 1 : full > 2 ? 0.5 : 0;
  return {
    x,
    y: TOP_PX + top * heights.row,
    w: Math.max(0.5, full - gap),
    h: (bottom - top) * heights.row - 1,
  };
}

function drawCell(pen: Pen, cell: Cell): void {
  const { context, colours, hatches } = pen;
  const kind = kindOf(cell.shard);
  const { x, y, w, h } = boxOf(pen, cell);
  context.fillStyle = colours[kind];
  context.fillRect(x, y, w, h);
  const pattern = hatches[kind];
  if (pattern) {
    context.fillStyle = pattern;
    context.fillRect(x, y, w, h);
  }
  if (kind === 'waiting' && w > 3) {
    context.strokeStyle = colours.muted;
    context.setLineDash([2, 2]);
    context.strokeRect(x + 0.5, y + 0.5, w - 1, h - 1);
    context.setLineDash([]);
  }
  if (w < 44 || h < 13) return;
  const isSolid = kind === 'ok';
  context.fillStyle = isSolid ? colours.onFill : colours.text;
  const { id, owner, lagMs, state } = cell.shard;
  const lines = [shortShard(id), owner === undefined ? state : shortPod(owner)];
  if (lagMs !== undefined && lagMs >= 1_000) lines.push(`lag ${lagWords(lagMs)}`);
  const fitting = lines.slice(0, Math.max(1, Math.floor((h - 2) / 13)));
  // A hatched ground is no ground for words.
  if (pattern) {
    const wide = Math.max(...fitting.map((line) => context.measureText(line).width));
    context.save();
    context.fillStyle = colours.page;
    context.globalAlpha = 0.85;
    context.fillRect(x + 3, y + 2, Math.min(w - 6, wide + 5), fitting.length * 13);
    context.restore();
  }
  for (const [index, line] of fitting.entries()) {
    if (context.measureText(line).width < w - 9) context.fillText(line, x + 5, y + 9 + index * 13);
  }
}

/** However narrow it is, it can be seen from far: nothing covers it. */
function drawTrouble(pen: Pen, cell: Cell): void {
  const { context, colours, hatches } = pen;
  const { x, y, w, h } = boxOf(pen, cell);
  if (w >= 3) return;
  for (const style of [colours.trouble, hatches.trouble!]) {
    context.fillStyle = style;
    context.fillRect(x + w / 2 - 1.5, y, 3, h);
  }
}

function drawMarks(pen: Pen, cells: readonly Cell[]): void {
  const { context, colours } = pen;
  const { triangles, bars } = marksOf(
    cells.map((cell) => ({ kind: kindOf(cell.shard), ...boxOf(pen, cell) })),
  );
  context.fillStyle = colours.text;
  for (const { from, to } of bars) context.fillRect(from, TOP_PX - 4, to - from, 2);
  context.beginPath();
  for (const middle of triangles) {
    context.moveTo(middle - MARK_PX / 2, 0);
    context.lineTo(middle + MARK_PX / 2, 0);
    context.lineTo(middle, TOP_PX - 2);
  }
  context.fill();
}

function drawChosen(pen: Pen, cell: Cell): void {
  const { context, colours } = pen;
  const { x, y, w, h } = boxOf(pen, cell);
  const wide = Math.max(w, 3);
  context.lineWidth = 2;
  context.strokeStyle = colours.page;
  context.strokeRect(x - 2, y - 2, wide + 4, h + 4);
  context.strokeStyle = colours.text;
  context.strokeRect(x, y, wide, h);
  context.lineWidth = 1;
}

function drawStrip(
  pen: Pen,
  cells: readonly Cell[],
  {
    top,
    label,
    value,
    colour,
  }: { top: number; label: string; value: (shard: ShardRow) => number; colour: string },
): void {
  const { context, colours, width, heights } = pen;
  context.fillStyle = colours.muted;
  context.fillText(label, 0, top - 8);
  context.fillStyle = colours.line;
  context.fillRect(0, top + heights.strip - 1, width, 1);
  context.fillStyle = colour;
  for (const cell of cells) {
    const share = value(cell.shard);
    if (share <= 0) continue;
    const { x, w } = boxOf(pen, cell);
    const high = Math.max(1.5, share * (heights.strip - 1));
    context.fillRect(x, top + heights.strip - 1 - high, Math.max(1, w), high);
  }
}
