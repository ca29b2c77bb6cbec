import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { count } from '../../lib/count.ts';
import type { ShardRow } from '../page-data.ts';
import { drawShards, heightsOf, rowAt } from './draw-shards.ts';
import { useLater } from './later.ts';
import {
  cellAt,
  layoutShards,
  neighbour,
  showing,
  WHOLE,
  zoomed,
  type Layout,
  type Span,
} from './shard-layout.ts';
import type { ShardKind } from './shard-order.ts';
import { paintsOf, type Paints } from './shard-paints.ts';
import { shardWords } from './words.ts';

export interface ShardPictureProps {
  shards: readonly ShardRow[];
  selected: string | undefined;
  select: (id: string | undefined) => void;
  /** What is shown of the hash keys. */
  span: Span;
  show: (span: Span) => void;
}

const ARROWS: Record<string, 'left' | 'right' | 'up' | 'down'> = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
};
const ZOOM = 1.6;

/** All shards by hash key and lineage. The table below says the same in words. */
export function ShardPicture({ shards: known, selected, select, span, show }: ShardPictureProps) {
  const shards = useLater(known);
  const canvas = useRef<HTMLCanvasElement>(null);
  const layout = useMemo(() => layoutShards(shards), [shards]);
  const heights = heightsOf(layout);
  const [hovered, setHovered] = useState<string>();
  const width = useWidth(canvas);
  const paints = usePaints(canvas);
  const chosen = shards.find(({ id }) => id === selected);
  useEffect(() => {
    const next = chosen ? showing(span, chosen) : span;
    if (next !== span) show(next);
  }, [selected]);
  useLayoutEffect(() => {
    if (canvas.current && paints)
      drawShards({ canvas: canvas.current, layout, span, selected, width, heights, paints });
  }, [layout, span, selected, width, paints]);
  const pointOf = ({ clientX, clientY }: { clientX: number; clientY: number }) => {
    const { left, top } = canvas.current!.getBoundingClientRect();
    return { x: span.from + ((clientX - left) / width) * span.width, y: rowAt(clientY - top, heights) };
  };
  const idAt = (event: PointerEvent | MouseEvent) => cellAt(layout, pointOf(event))?.shard.id;
  const zoom = (factor: number) => {
    const around = chosen ? chosen.from + chosen.width / 2 : span.from + span.width / 2;
    show(zoomed(span, factor, around));
  };
  const showAll = () => show(WHOLE);
  const told = shards.find(({ id }) => id === hovered) ?? chosen;
  const index = layout.cells.findIndex(({ shard }) => shard.id === selected);
  return (
    <figure class="picture">
      <div
        class="picture-box"
        role="slider"
        tabIndex={0}
        aria-label="Shards by hash key: arrow keys go from shard to shard, up to parents and down to children"
        aria-valuemin={0}
        aria-valuemax={layout.cells.length}
        aria-valuenow={index + 1}
        aria-valuetext={chosen ? shardWords(chosen) : `none of ${count(shards.length, 'shard')} chosen`}
        onKeyDown={(event) => onKey(event, { layout, selected, select, zoom, showAll })}
        onPointerMove={(event) => setHovered(idAt(event))}
        onPointerLeave={() => setHovered(undefined)}
        onClick={(event) => select(idAt(event))}
        onWheel={(event) => {
          if (!event.ctrlKey) return;
          event.preventDefault();
          show(zoomed(span, event.deltaY < 0 ? ZOOM : 1 / ZOOM, pointOf(event).x));
        }}
      >
        <canvas ref={canvas} aria-hidden="true" style={{ height: `${heights.total}px` }} />
      </div>
      <p class="told" aria-hidden="true">
        {told ? shardWords(told) : 'Point at a shard, or choose one with the arrow keys.'}
      </p>
      <figcaption>
        <Legend />
        <Buttons {...{ zoom, isWhole: span.width === 1, showAll }} />
      </figcaption>
    </figure>
  );
}

interface KeyActions extends Pick<ShardPictureProps, 'selected' | 'select'> {
  layout: Layout;
  zoom: (factor: number) => void;
  showAll: () => void;
}

function onKey(event: KeyboardEvent, { layout, selected, select, zoom, showAll }: KeyActions): void {
  const arrow = ARROWS[event.key];
  const keys: Record<string, () => void> = {
    Home: () => select(layout.cells[0]?.shard.id),
    End: () => select(layout.cells.at(-1)?.shard.id),
    '+': () => zoom(ZOOM),
    '=': () => zoom(ZOOM),
    '-': () => zoom(1 / ZOOM),
    '0': showAll,
    Escape: () => select(undefined),
  };
  const act = arrow ? () => select(neighbour(layout, selected, arrow)?.shard.id) : keys[event.key];
  if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  act();
}

function Buttons({
  zoom,
  isWhole,
  showAll,
}: {
  zoom: (factor: number) => void;
  isWhole: boolean;
  showAll: () => void;
}) {
  return (
    <span class="buttons">
      <button type="button" onClick={() => zoom(ZOOM)} aria-label="Show fewer shards, larger">
        +
      </button>
      <button
        type="button"
        onClick={() => zoom(1 / ZOOM)}
        disabled={isWhole}
        aria-label="Show more shards, smaller"
      >
        −
      </button>
      <button type="button" onClick={showAll} disabled={isWhole} aria-label="Show all shards">
        All
      </button>
    </span>
  );
}

const LEGEND: readonly [ShardKind, string][] = [
  ['ok', 'read'],
  ['behind', 'slow, or changing hands'],
  ['trouble', 'stalled, stopped, or without an owner'],
  ['waiting', 'waits for its parents, or paused'],
  ['ended', 'read to its end'],
];

function Legend() {
  return (
    <ul class="legend">
      {LEGEND.map(([kind, text]) => (
        <li key={kind}>
          <span class={`swatch kind-${kind}`} aria-hidden="true" />
          {text}
        </li>
      ))}
    </ul>
  );
}

function useWidth(element: { current: HTMLElement | null }): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const box = element.current?.parentElement;
    if (!box) return;
    const look = () => setWidth(box.clientWidth);
    look();
    const resized = new ResizeObserver(look);
    resized.observe(box);
    return () => resized.disconnect();
  }, []);
  return width;
}

/** Made anew when the colours change. */
function usePaints(canvas: { current: HTMLCanvasElement | null }): Paints | undefined {
  const [paints, setPaints] = useState<Paints>();
  useLayoutEffect(() => {
    const look = () => canvas.current && setPaints(paintsOf(canvas.current));
    look();
    const queries = ['(prefers-color-scheme: dark)', '(forced-colors: active)', 'print'].map((query) =>
      matchMedia(query),
    );
    for (const query of queries) query.addEventListener('change', look);
    return () => queries.forEach((query) => query.removeEventListener('change', look));
  }, []);
  return paints;
}
