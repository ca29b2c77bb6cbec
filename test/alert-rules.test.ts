import { describe, test } from 'vitest';
import { WorkQueue } from '../src/kubernetes/work-queue.ts';
import { KcgError } from '../src/lib/errors.ts';
import { seededRandom } from '../src/lib/random.ts';
import { howToGet, requireToolInCi } from './cluster/find-tool.ts';
import { LEASE_MS, Scene } from './support/alert-scene.ts';

const promtool = requireToolInCi('promtool');
if (promtool === undefined)
  process.stderr.write(`skipped: the alert rules: promtool is missing: ${howToGet('promtool')}\n`);

const MINUTE = 60_000;
const away = new KcgError('Unavailable', 'nobody answers');

describe.skipIf(promtool === undefined)('of the alerts', () => {
  test('none fires while all is well, nor when a pod is replaced', async () => {
    const scene = new Scene();
    const old = scene.start('a');
    await scene.pass(20);
    scene.start('b');
    await scene.pass(1);
    await scene.group.until(old.stop());
    scene.remove('a');
    await scene.pass(20);
    scene.expectFiring(promtool!, { '1m': [], '20m': [], '39m': [] });
  });

  test('one tells of a group that nobody reads', async () => {
    const scene = new Scene();
    const worker = scene.start('a');
    await scene.pass(10);
    await scene.group.until(worker.stop());
    scene.remove('a');
    await scene.pass(60);
    scene.expectFiring(promtool!, {
      '10m': [],
      '17m': ['KcgGroupNotReading'],
      '69m': ['KcgGroupNotReading', 'KcgShardsNotProgressing'],
    });
  });

  test('one tells of records that were lost before the worker was scraped first', async () => {
    const scene = new Scene();
    const worker = scene.start('a');
    worker.events.push({
      type: 'CheckpointsAtRisk',
      shardId: 'shardId-000000000000',
      reason: 'LostToRetention',
      checkpointAgeMs: 90_000_000,
      lostSeconds: 3_600,
    });
    await scene.pass(90);
    scene.expectFiring(promtool!, { '1m': ['KcgRecordsLost'], '50m': ['KcgRecordsLost'], '89m': [] });
  });

  test('one tells of records that are lost later', async () => {
    const scene = new Scene();
    const worker = scene.start('a');
    await scene.pass(70);
    const shardId = 'shardId-000000000000';
    worker.events.push({
      type: 'CheckpointsAtRisk',
      shardId,
      reason: 'LostToRetention',
      checkpointAgeMs: 1,
      lostSeconds: 7,
    });
    await scene.pass(80);
    scene.expectFiring(promtool!, { '69m': [], '72m': ['KcgRecordsLost'], '149m': [] });
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
    const lagging = ['KcgHandlerFailing', 'KcgLagging', 'KcgShardsNotProgressing'];
    scene.expectFiring(promtool!, { '10m': [], '24m': lagging, '59m': lagging, '79m': [] });
  });

  test('one tells of records that were given up, and one of a destination that does not take them', async () => {
    const scene = new Scene();
    const worker = scene.start('a');
    await scene.pass(5);
    const shardId = 'shardId-000000000000';
    const condition = 'RetryAttemptsExhausted';
    worker.events.push({
      type: 'RecordsGivenUp',
      shardId,
      condition,
      records: 3,
      first: '1',
      last: '3',
      attempts: 2,
    });
    for (let times = 0; times < 40; times += 1) {
      worker.events.push({ type: 'DestinationFailed', shardId, error: away, retryInMs: 30_000 });
      await scene.pass(0.5);
    }
    await scene.pass(30);
    const both = ['KcgDestinationFailing', 'KcgRecordsGivenUp'];
    scene.expectFiring(promtool!, { '4m': [], '16m': both, '22m': ['KcgDestinationFailing'], '54m': [] });
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
    scene.expectFiring(promtool!, { '5m': [], '40m': away, '64m': away, '94m': [] });
  });

  test('one tells of checkpoints that are not written', async () => {
    const scene = new Scene();
    const worker = scene.start('a');
    await scene.pass(5);
    // As old as the longest interval lets them be.
    let ageMs = 300_000;
    worker.worker.checkpointAges = () => [['shardId-000000000000', ageMs]];
    await scene.pass(20);
    ageMs = 480_000;
    await scene.pass(20);
    scene.expectFiring(promtool!, { '5m': [], '24m': [], '44m': ['KcgCheckpointsNotWritten'] });
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
    scene.expectFiring(promtool!, { '5m': [], '12m': ['KcgLeasesLost'], '40m': [] });
  });

  test('one tells of a stream that cannot be read', async () => {
    const scene = new Scene();
    scene.start('a');
    await scene.pass(5);
    scene.group.kinesis.faults = (operation) => (operation === 'GetRecords' ? away : undefined);
    await scene.pass(60);
    scene.group.kinesis.faults = undefined;
    await scene.pass(20);
    const lagging = ['KcgLagging', 'KcgReadTrouble', 'KcgShardsNotProgressing'];
    scene.expectFiring(promtool!, { '5m': [], '35m': lagging, '64m': lagging, '84m': [] });
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
    let fails = true;
    const handler: NonNullable<Parameters<Scene['start']>[1]>['handler'] = {
      handle: async () =>
        fails ? { outcome: 'failed', error: new KcgError('HandlerFailed', 'no') } : { outcome: 'done' },
    };
    const worker = scene.start('a', { handler });
    await scene.pass(1);
    scene.group.put('bad');
    await scene.pass(4);
    if (!isRead) {
      await scene.group.until(worker.stop());
      scene.remove('a');
    }
    await scene.pass(25);
    fails = false;
    if (!isRead) scene.start('b', { handler });
    await scene.pass(20);
    scene.expectFiring(promtool!, firing);
  });

  test('one tells that no operator works', async () => {
    const scene = new Scene();
    scene.start('a');
    await scene.pass(10);
    scene.operator.leading(false);
    await scene.pass(10);
    scene.isOperated = false;
    await scene.pass(10);
    scene.expectFiring(promtool!, { '9m': [], '17m': ['KcgNoOperator'], '29m': ['KcgNoOperator'] });
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
    scene.expectFiring(promtool!, { '14m': [], '16m': failing, '60m': failing, '119m': failing, '129m': [] });
  });

  test('one tells of changes that a watch missed, for an hour', async () => {
    const scene = new Scene();
    scene.start('a');
    scene.operator.onReflector({ type: 'listed', kind: 'Pod', objects: 1, changes: 1 });
    await scene.pass(20);
    scene.operator.onReflector({ type: 'missed', kind: 'Pod', changes: 1 });
    await scene.pass(70);
    scene.expectFiring(promtool!, { '19m': [], '22m': ['KcgWatchMissedChanges'], '89m': [] });
  });

  test('one tells of a look that does not end, for as long as it runs', async () => {
    const scene = new Scene();
    scene.start('a');
    const queue = new WorkQueue({
      clock: scene.group.clock,
      random: seededRandom(1),
      concurrency: 2,
      backoff: { baseMs: 1_000, maxMs: 300_000 },
      onFailure: () => {},
      onDone: scene.operator.onReconcile,
    });
    scene.operator.onQueue(queue);
    const stop = new AbortController();
    const hung = Promise.withResolvers<undefined>();
    const running = queue.run(stop.signal, async (key) => (key === 'shop/orders' ? hung.promise : 60_000));
    queue.add('shop/orders');
    queue.add('shop/others');
    await scene.pass(40);
    hung.resolve(undefined);
    await scene.pass(10);
    stop.abort();
    await running;
    const hangs = ['KcgReconcileHangs'];
    scene.expectFiring(promtool!, { '14m': [], '16m': hangs, '39m': hangs, '49m': [] });
  });
});
