import { expect } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { decodeRows } from '../../src/leases/group-rows.ts';
import { countJudgements } from '../../src/operator/plan/status/shards-progressing.ts';
import { groupView } from '../../src/view/group-view.ts';
import { ShardWindows } from '../../src/view/shard-windows.ts';
import { OperatorMetrics } from '../../src/operator/operator-metrics.ts';
import { WorkerMetrics } from '../../src/runtime/worker-metrics.ts';
import { AGroup, type OneWorker } from '../runtime/a-group.ts';
import { SCRAPE_SECONDS, Scrapes } from './alerts.ts';

export const LEASE_MS = 30_000;
const away = new KcgError('Unavailable', 'nobody answers');

/** Workers of one group and an operator on one virtual clock, scraped as Prometheus would. */
export class Scene {
  readonly group: AGroup;
  readonly operator: OperatorMetrics;
  /** False: no operator is there to be scraped. */
  isOperated = true;
  tableIsAway = false;
  readonly #scrapes = new Scrapes();
  readonly #windows = new ShardWindows();
  readonly #workers = new Map<string, { worker: OneWorker; metrics: WorkerMetrics; read: number }>();

  constructor() {
    this.group = new AGroup(1, {
      before: async () => {
        if (this.tableIsAway) throw away;
      },
    });
    this.operator = new OperatorMetrics(this.group.clock);
    this.operator.leading(true);
  }

  start(name: string, changes: Parameters<AGroup['start']>[1] = {}): OneWorker {
    // Hours pass here: calls that nothing is asked of are few.
    const config = { pollIntervalMs: 10_000, leaseDurationMs: LEASE_MS };
    const worker = this.group.start(name, { config, ...changes });
    const metrics = new WorkerMetrics({
      clock: this.group.clock,
      lag: () => worker.worker.lag(),
      checkpointAges: () => worker.worker.checkpointAges(),
    });
    this.#workers.set(name, { worker, metrics, read: 0 });
    return worker;
  }

  metricsOf(name: string): WorkerMetrics {
    return this.#workers.get(name)!.metrics;
  }

  /** The pod is gone, and its series with it. */
  remove(name: string): void {
    this.#workers.delete(name);
  }

  async pass(minutes: number): Promise<void> {
    for (let left = (minutes * 60) / SCRAPE_SECONDS; left > 0; left -= 1) {
      await this.#look();
      await this.#scrape();
      await this.group.clock.advance(SCRAPE_SECONDS * 1_000);
    }
  }

  /** By minute: what fires then, and nothing else. */
  expectFiring(promtool: string, firing: Record<string, readonly string[]>): void {
    expect(this.#scrapes.check(promtool, firing)).toBe('');
  }

  /** @returns what promtool has to say against expressions that have no series by now; else nothing */
  checkSeries(promtool: string, expressions: readonly string[]): string {
    return this.#scrapes.checkSeries(promtool, expressions);
  }

  /** The operator's look at the rows, and its judgement. */
  async #look(): Promise<void> {
    if (this.tableIsAway || !this.isOperated) return;
    const rows = decodeRows(await this.group.table.query('all', { consistent: true }));
    const nowMs = this.group.clock.now();
    const known = { rows, nowMs, readTo: this.#windows.readTo() };
    const view = groupView({ ...known, shards: undefined, pods: [], retentionHours: 24 });
    const settings = {
      isPaused: false,
      isFresh: true,
      leaseDurationMs: LEASE_MS,
      checkpointIntervalMs: 5_000,
    };
    const judged = this.#windows.judge({ view, rows, nowMs, ...settings });
    this.operator.onJudged('shop/orders', countJudgements(judged));
  }

  async #scrape(): Promise<void> {
    const targets = [];
    for (const [pod, scraped] of this.#workers) {
      const { worker, metrics } = scraped;
      for (const event of worker.events.slice(scraped.read)) metrics.onEvent(event);
      scraped.read = worker.events.length;
      const labels = { namespace: 'shop', kcg_dev_group: 'orders', pod };
      targets.push({ labels, text: await metrics.text() });
    }
    const labels = { namespace: 'kcg-system', pod: 'kcg-operator' };
    if (this.isOperated) targets.push({ labels, text: await this.operator.registry.metrics() });
    this.#scrapes.step(targets);
  }
}
