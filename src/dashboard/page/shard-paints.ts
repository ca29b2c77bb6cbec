import type { ShardKind } from './shard-order.ts';

/** What the picture of the shards is drawn with. */
export interface Paints {
  colours: Record<keyof typeof NAMES, string>;
  hatches: Partial<Record<ShardKind, CanvasPattern>>;
  font: string;
}

const NAMES = {
  trouble: '--shard-trouble',
  behind: '--shard-behind',
  ok: '--shard-ok',
  waiting: '--shard-waiting',
  ended: '--shard-ended',
  text: '--text',
  onFill: '--on-shard',
  muted: '--muted',
  line: '--line',
  page: '--surface',
  accent: '--accent',
  load: '--load',
} as const;

/**
 * As the style sheet has them for this canvas. To be kept until the theme changes: to make these takes longer than to draw a
 * thousand shards.
 */
export function paintsOf(canvas: HTMLCanvasElement): Paints {
  const style = getComputedStyle(canvas);
  const colours = Object.fromEntries(
    Object.entries(NAMES).map(([name, property]) => [name, style.getPropertyValue(property).trim()]),
  ) as Paints['colours'];
  const hatches = { trouble: hatch('trouble', colours.page), behind: hatch('behind', colours.page) };
  return { colours, hatches, font: `11px ${style.fontFamily}` };
}

/** Stripes one way for what is behind, both ways for trouble: told apart without any colour. */
function hatch(kind: 'trouble' | 'behind', colour: string): CanvasPattern {
  const tile = document.createElement('canvas');
  const size = 8;
  Object.assign(tile, { width: size, height: size });
  const pen = tile.getContext('2d')!;
  pen.strokeStyle = colour;
  pen.globalAlpha = 0.55;
  pen.lineWidth = 1.5;
  pen.beginPath();
  for (const shift of [-size, 0, size]) {
    pen.moveTo(shift, size);
    pen.lineTo(shift + size, 0);
    if (kind === 'trouble') {
      pen.moveTo(shift, 0);
      pen.lineTo(shift + size, size);
    }
  }
  pen.stroke();
  return pen.createPattern(tile, 'repeat')!;
}
