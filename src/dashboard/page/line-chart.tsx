import { useState } from 'preact/hooks';
import { pathOf, runsOf } from './chart-points.ts';
import { clockWords } from './words.ts';

export interface LineChartProps {
  title: string;
  values: readonly (number | null)[];
  stepMs: number;
  endMs: number;
  /** A value in words. */
  words: (value: number) => string;
  unit: string;
  /** The top of the scale for a greatest value. */
  roundUp: (value: number) => number;
}

/** How long nobody may have looked for a line to go on, ms: a group in which nothing happens is looked at every 90 s. */
const GAP_MS = 150_000;

/** One line over the last hour; by pointer and by arrow keys each value can be read, and there is a table of all. */
export function LineChart({ title, values, stepMs, endMs, words, unit, roundUp }: LineChartProps) {
  const [cursor, setCursor] = useState<number>();
  const known = values.flatMap((value, index) => (value === null ? [] : [{ value, index }]));
  const greatest = Math.max(0, ...known.map(({ value }) => value));
  const max = roundUp(greatest);
  const last = values.length - 1;
  const timeOf = (index: number) => endMs - (last - index) * stepMs;
  const latest = known.at(-1);
  const most = known.find(({ value }) => value === greatest);
  const summary = latest
    ? `now ${words(latest.value)}, most ${words(greatest)} at ${clockWords(timeOf(most!.index))}`
    : 'nothing known yet';
  const at = cursor === undefined ? undefined : nearest(known, cursor);
  const move = (by: number) => {
    const from = at ? known.indexOf(at) : by > 0 ? -1 : known.length;
    const next = known[Math.min(known.length - 1, Math.max(0, from + by))];
    if (next) setCursor(next.index);
  };
  const readout = at ? `${words(at.value)} at ${clockWords(timeOf(at.index))}` : summary;
  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title">{title}</span>
        <span class="muted">{readout}</span>
      </figcaption>
      <div
        class="plot"
        role="slider"
        tabIndex={0}
        aria-label={`${title} over the last hour, ${unit}`}
        aria-valuemin={0}
        aria-valuemax={last}
        aria-valuenow={at?.index ?? latest?.index ?? last}
        aria-valuetext={readout}
        onPointerMove={(event) => {
          const { left, width } = event.currentTarget.getBoundingClientRect();
          setCursor(Math.round(((event.clientX - left) / width) * last));
        }}
        onPointerLeave={() => setCursor(undefined)}
        onBlur={() => setCursor(undefined)}
        onKeyDown={(event) => {
          const by = {
            ArrowLeft: -1,
            ArrowRight: 1,
            PageUp: 10,
            PageDown: -10,
            Home: -Infinity,
            End: Infinity,
          }[event.key];
          if (by === undefined) return;
          event.preventDefault();
          move(by);
        }}
      >
        <svg viewBox={`0 0 ${last} ${max}`} preserveAspectRatio="none" aria-hidden="true">
          <path class="grid" d={`M0 ${max / 2}H${last}M0 ${max}H${last}M0 0H${last}`} />
          <path class="line" d={pathOf(runsOf(values, GAP_MS / stepMs), max)} />
          {at && <path class="cursor" d={`M${at.index} 0V${max}`} />}
        </svg>
      </div>
      <Axes top={words(max)} middle={words(max / 2)} />
      <Values {...{ title, known, timeOf, words }} />
    </figure>
  );
}

function Axes({ top, middle }: { top: string; middle: string }) {
  return (
    <>
      <div class="y-axis" aria-hidden="true">
        <span>{top}</span>
        <span>{middle}</span>
        <span>0</span>
      </div>
      <div class="x-axis" aria-hidden="true">
        <span>1 h ago</span>
        <span>30 min</span>
        <span>now</span>
      </div>
    </>
  );
}

function Values({
  title,
  known,
  timeOf,
  words,
}: {
  title: string;
  known: readonly { value: number; index: number }[];
  timeOf: (index: number) => number;
  words: (value: number) => string;
}) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{title} as a table</summary>
      {isOpen && (
        <div class="table-box few" role="group" aria-label={`${title}, all values`} tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">Time</th>
                <th scope="col" class="number">
                  {title}
                </th>
              </tr>
            </thead>
            <tbody>
              {known.toReversed().map(({ value, index }) => (
                <tr key={index}>
                  <th scope="row">{clockWords(timeOf(index))}</th>
                  <td class="number">{words(value)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </details>
  );
}

function nearest(known: readonly { value: number; index: number }[], index: number) {
  return known.reduce<(typeof known)[number] | undefined>(
    (best, each) => (best && Math.abs(best.index - index) <= Math.abs(each.index - index) ? best : each),
    undefined,
  );
}
