import { formatDuration } from '../../view/format.ts';
import type { Series } from '../group-history.ts';
import { roundUp, roundUpSeconds } from './chart-points.ts';
import { LineChart } from './line-chart.tsx';
import { loadWords } from './words.ts';

/** Lag and load over the last hour. */
export function Charts({ series: { lag, load, stepMs, endMs } }: { series: Series }) {
  return (
    <div class="charts">
      <LineChart
        title="Lag"
        unit="greatest of all shards"
        values={lag}
        roundUp={roundUpSeconds}
        words={(seconds) => (seconds > 0 && seconds < 1 ? '<1s' : formatDuration(seconds * 1_000))}
        {...{ stepMs, endMs }}
      />
      <LineChart
        title="Throughput"
        unit="records or KiB a second, whichever is more"
        values={load}
        roundUp={roundUp}
        words={loadWords}
        {...{ stepMs, endMs }}
      />
    </div>
  );
}
