import { describe, expect, test } from 'vitest';
import { decodeRows } from '../src/leases/group-rows.ts';
import { WorkQueue } from '../src/kubernetes/work-queue.ts';
import { KcgError } from '../src/lib/errors.ts';
import { seededRandom } from '../src/lib/random.ts';
import { OperatorMetrics } from '../src/operator/operator-metrics.ts';
import { countJudgements } from '../src/operator/plan/shards-progressing.ts';
import { groupView } from '../src/view/group-view.ts';
import { ShardWindows } from '../src/view/shard-windows.ts';
import { WorkerMetrics } from '../src/runtime/worker-metrics.ts';
import { howToGet, requireToolInCi } from './cluster/find-tool.ts';
import { AGroup, type OneWorker } from './runtime/a-group.ts';
import { SCRAPE_SECONDS, Scrapes } from './support/alerts.ts';

const promtool = requireToolInCi('promtool');
if (promtool === undefined)
  process.stderr.write(`skipped: the alert rules: promtool is missing: ${howToGet('promtool')}\n`);

const MINUTE = 60_000;
const LEASE_MS = 30_000;
const away = new KcgError('Unavailable', 'nobody answers');

/** Workers of one group and an operator on one virtual clock, scraped as Prometheus would. */
class Scene {
  readonly group: AGroup;
  readonly operator: OperatorMetrics;
  /** False: no operator is there to be scraped. */
  isOperated = true;
  tableIsAway = false;
  readonly #scrapes = new Scrapes();
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

  /** The pod is gone, and its series with it. */
  remove(name: string): void {
    this.#workers.delete(name);
  }

  /** `before` each scrape. */
  async pass(minutes: number, before?: () => Promise<void>): Promise<void> {
    for (let left = (minutes * 60) / SCRAPE_SECONDS; left > 0; left -= 1) {
      await before?.();
      await this.#scrape();
      await this.group.clock.advance(SCRAPE_SECONDS * 1_000);
    }
  }

  /** By minute: what fires then, and nothing else. */
  expectFiring(firing: Record<string, readonly string[]>): void {
    expect(this.#scrapes.check(promtool!, firing)).toBe('');
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

describe.skipIf(promtool === undefined)('of the documented alerts', () => {
  test('none fires while all is well, nor when a pod is replaced', async () => {
    const scene = new Scene();
    const old = scene.start('a');
    await scene.pass(20);
    scene.start('b');
    await scene.pass(1);
    await scene.group.until(old.stop());
    scene.remove('a');
    await scene.pass(20);
    scene.expectFiring({ '1m': [], '20m': [], '39m': [] });
  });

  test('one tells of a group that nobody reads', async () => {
    const scene = new Scene();
    const worker = scene.start('a');
    await scene.pass(10);
    await scene.group.until(worker.stop());
    scene.remove('a');
    await scene.pass(60);
    scene.expectFiring({ '10m': [], '16m': ['KcgGroupNotReading'], '69m': ['KcgGroupNotReading'] });
  });

  test('one tells of records that were lost before the worker was scraped first', async () => {
    const scene = new Scene();
    const worker = scene.start('a');
    worker.events.push({
      type: 'CheckpointsAtRisk',
      shardId: 'shardId-000000000000',
      reason: 'LostToRetention',
      checkpointAgeMs: 90_000_000,
    });
    await scene.pass(90);
    scene.expectFiring({ '1m': ['KcgRecordsLost'], '50m': ['KcgRecordsLost'], '89m': [] });
  });

  test('one tells of records that are lost later', async () => {
    const scene = new Scene();
    const worker = scene.start('a');
    await scene.pass(70);
    const shardId = 'shardId-000000000000';
    worker.events.push({ type: 'CheckpointsAtRisk', shardId, reason: 'LostToRetention', checkpointAgeMs: 1 });
    await scene.pass(80);
    scene.expectFiring({ '69m': [], '72m': ['KcgRecordsLost'], '149m': [] });
  });

  test.each<[string, number]>([
    ['at once', 0],
    ['after five minutes each time', 5 * MINUTE],
  ])('one tells of a handler that fails %s, for as long as it does', async (_, takesMs) => {
    const scene = new Scene();
    const { clock } = scene.group;
    let fails = true;
    scene.start('a', {
      handler: {
        async handle(_batch, { signal }) {
          await clock.sleep(takesMs, { signal });
          if (!fails) return { outcome: 'done' };
          return { outcome: 'failed', error: new KcgError('HandlerFailed', 'no') };
        },
      },
    });
    await scene.pass(1);
    scene.group.put('bad');
    await scene.pass(59);
    fails = false;
    await scene.pass(20);
    const lagging = ['KcgHandlerFailing', 'KcgLagging'];
    scene.expectFiring({ '10m': [], '24m': lagging, '59m': lagging, '79m': [] });
  });

  test('some tell of a table that is out of reach, for as long as it is', async () => {
    const scene = new Scene();
    scene.start('a');
    await scene.pass(5);
    scene.tableIsAway = true;
    await scene.pass(60);
    scene.tableIsAway = false;
    await scene.pass(30);
    const away = ['KcgGroupNotReading', 'KcgTableTrouble'];
    scene.expectFiring({ '5m': [], '40m': away, '64m': away, '94m': [] });
  });

  test('one tells of checkpoints that are not written', async () => {
    const scene = new Scene();
    const worker = scene.start('a');
    await scene.pass(5);
    worker.worker.checkpointAges = () => [['shardId-000000000000', 300_000]];
    await scene.pass(20);
    scene.expectFiring({ '5m': [], '24m': ['KcgCheckpointsNotWritten'] });
  });

  test('one tells of workers that lose their leases, from the first on', async () => {
    const scene = new Scene();
    scene.start('a');
    await scene.pass(5);
    for (let time = 0; time < 3; time += 1) {
      scene.tableIsAway = true;
      await scene.group.clock.advance(LEASE_MS);
      scene.tableIsAway = false;
      await scene.pass(2);
    }
    await scene.pass(30);
    scene.expectFiring({ '5m': [], '12m': ['KcgLeasesLost'], '40m': [] });
  });

  test('one tells of a stream that cannot be read', async () => {
    const scene = new Scene();
    scene.start('a');
    await scene.pass(5);
    scene.group.kinesis.faults = (operation) => (operation === 'GetRecords' ? away : undefined);
    await scene.pass(60);
    scene.group.kinesis.faults = undefined;
    await scene.pass(20);
    scene.expectFiring({
      '5m': [],
      '35m': ['KcgLagging', 'KcgReadTrouble'],
      '64m': ['KcgLagging', 'KcgReadTrouble'],
      '84m': [],
    });
  });

  test.each<[string, boolean, Record<string, readonly string[]>]>([
    [
      'stands still',
      true,
      {
        '5m': [],
        '14m': [],
        '25m': ['KcgHandlerFailing', 'KcgLagging', 'KcgShardsNotProgressing'],
        '45m': [],
      },
    ],
    [
      'nobody reads',
      false,
      { '5m': [], '25m': ['KcgGroupNotReading', 'KcgShardsNotProgressing'], '45m': [] },
    ],
  ])('one tells of a shard that %s, for as long as it does', async (_, isRead, firing) => {
    const scene = new Scene();
    const { clock } = scene.group;
    let fails = true;
    const handler: NonNullable<Parameters<Scene['start']>[1]>['handler'] = {
      handle: async () =>
        fails ? { outcome: 'failed', error: new KcgError('HandlerFailed', 'no') } : { outcome: 'done' },
    };
    const windows = new ShardWindows();
    const look = async () => {
      const rows = decodeRows(await scene.group.table.query('all', { consistent: true }));
      const nowMs = clock.now();
      const known = { rows, nowMs, readTo: windows.readTo() };
      const view = groupView({ ...known, shards: undefined, pods: [], retentionHours: 24 });
      const every = {
        isPaused: false,
        isFresh: true,
        leaseDurationMs: LEASE_MS,
        checkpointIntervalMs: 5_000,
      };
      scene.operator.onJudged('shop/orders', countJudgements(windows.judge({ view, rows, nowMs, ...every })));
    };
    const worker = scene.start('a', { handler });
    await scene.pass(1, look);
    scene.group.put('bad');
    await scene.pass(4, look);
    if (!isRead) {
      await scene.group.until(worker.stop());
      scene.remove('a');
    }
    await scene.pass(25, look);
    fails = false;
    if (!isRead) scene.start('b', { handler });
    await scene.pass(20, look);
    scene.expectFiring(firing);
  });

  test('one tells that no operator works', async () => {
    const scene = new Scene();
    scene.start('a');
    await scene.pass(10);
    scene.operator.leading(false);
    await scene.pass(10);
    scene.isOperated = false;
    await scene.pass(10);
    scene.expectFiring({ '9m': [], '17m': ['KcgNoOperator'], '29m': ['KcgNoOperator'] });
  });

  test('one tells of a group that the operator fails, for as long as it does', async () => {
    const scene = new Scene();
    scene.start('a');
    let fails = true;
    let looks = 0;
    const queue = new WorkQueue({
      clock: scene.group.clock,
      random: seededRandom(1),
      concurrency: 1,
      backoff: { baseMs: 1_000, maxMs: 300_000 },
      onFailure: () => {},
      onDone: scene.operator.onReconcile,
    });
    const stop = new AbortController();
    const running = queue.run(stop.signal, async (key) => {
      looks += 1;
      if (!fails || key !== 'shop/orders') return 60_000;
      // As a group that goes on while one thing of it waits for its next try.
      if (looks % 3 > 0) return { stuck: true, inMs: 15_000 };
      if (looks % 2 > 0) throw away;
      return { error: away, failures: 9, retryInMs: 300_000, inMs: 15_000 };
    });
    queue.add('shop/orders');
    queue.add('shop/others');
    await scene.pass(120);
    fails = false;
    await scene.pass(10);
    stop.abort();
    await running;
    const failing = ['KcgReconcilesFail'];
    scene.expectFiring({ '14m': [], '16m': failing, '60m': failing, '119m': failing, '129m': [] });
  });
});
