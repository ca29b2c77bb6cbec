import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { DASHBOARDS } from '../scripts/generate-dashboards.ts';
import { KcgError } from '../src/lib/errors.ts';
import { functionMetrics } from '../src/runtime/function-metrics.ts';
import { howToGet, requireToolInCi } from './cluster/find-tool.ts';
import { Scene } from './support/alert-scene.ts';
import { TelemetryMetrics } from '../src/telemetry/telemetry-metrics.ts';
import { alertRules } from './support/alerts.ts';

/* What the chart brings for Grafana: its queries against what workers and operator really tell. */

const promtool = requireToolInCi('promtool');
if (promtool === undefined)
  process.stderr.write(`skipped: the dashboards: promtool is missing: ${howToGet('promtool')}\n`);

interface Panel {
  id: number;
  title: string;
  description?: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { expr: string; legendFormat: string }[];
}
interface Dashboard {
  uid: string;
  templating: { list: { name: string; query: string }[] };
  panels: Panel[];
}

const dashboards = DASHBOARDS.map((name) => {
  const text = readFileSync(`charts/kcg/files/dashboards/${name}.json`, 'utf8');
  return JSON.parse(text) as Dashboard;
});
const targets = dashboards.flatMap(({ panels }) => panels.flatMap((panel) => panel.targets ?? []));

/** As Grafana sends it for one group, over an hour. */
function asSent(expr: string): string {
  return expr
    .replaceAll('$namespace', 'shop')
    .replaceAll('$group', 'orders')
    .replaceAll('$__rate_interval', '1h');
}

/** A worker and an operator to whom everything has happened that is ever told. */
async function eventfulScene(): Promise<Scene> {
  const scene = new Scene();
  let fails = true;
  const worker = scene.start('a', {
    handler: {
      handle: async () =>
        fails ? { outcome: 'failed', error: new KcgError('HandlerFailed', 'no') } : { outcome: 'done' },
    },
  });
  const metrics = scene.metricsOf('a');
  const calls = { waiting: 1, asking: 0, inFlight: 1, abandoned: 1, lost: 0, forgotten: 2 };
  functionMetrics(metrics.registry, () => calls);
  metrics.onRequest('query');
  const [shardId, error] = ['shardId-000000000000', new KcgError('Unavailable', 'nobody answers')];
  const telemetry = new TelemetryMetrics(scene.operator.registry, scene.group.clock);
  telemetry.failed('traces');
  telemetry.droppedSpans(1);
  await scene.pass(5);
  scene.operator.onRequest({ verb: 'get', resource: 'pods', statusCode: 503, seconds: 0.1 });
  scene.operator.onReconcile({ key: 'shop/orders', waitedMs: 1, ranMs: 9, failed: true, stuck: true });
  const metadata = { namespace: 'shop', name: 'orders', uid: 'u', resourceVersion: '1' };
  scene.operator.onGroups({ list: () => [{ apiVersion: 'kcg.dev/v1alpha1', kind: 'Group', metadata }] });
  scene.operator.onReflector({ type: 'listed', kind: 'pods', objects: 1 } as never);
  scene.operator.onReflector({ type: 'missed', kind: 'pods', changes: 1 });
  scene.operator.onReflector({ type: 'failed', kind: 'pods', error } as never);
  fails = false;
  scene.group.put('good');
  await scene.pass(5);
  fails = true;
  scene.group.put('bad');
  await scene.pass(5);
  worker.events.push(
    { type: 'WorkerFenced', worker: 'b', incarnation: 'x', silentMs: 1 },
    {
      type: 'ShardStopped',
      shardId: 'shardId-000000000009',
      reason: 'GivenToBalance',
      handoffMs: 5,
    } as never,
    { type: 'ShardStarted', shardId: 'shardId-000000000009', reason: 'TakenFromDead', silentMs: 5 } as never,
    { type: 'TableTrouble', operation: 'write', error },
    { type: 'ReadTrouble', shardId, error },
  );
  await scene.pass(10);
  return scene;
}

describe('the dashboards', () => {
  test('have a title, a description and a legend wherever something is drawn, and no two panels in one place', () => {
    expect(targets.length).toBeGreaterThan(40);
    for (const { panels } of dashboards) {
      const cells = new Set<string>();
      for (const { title, description, targets: queries, gridPos, id } of panels) {
        expect(title).not.toBe('');
        if (queries) expect(description, title).toMatch(/\.$/);
        for (const { legendFormat } of queries ?? []) expect(legendFormat, title).not.toBe('');
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
            expect(cells.has(`${x} ${y}`), `panel ${id}`).toBe(false);
            cells.add(`${x} ${y}`);
          }
      }
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    }
  });

  test('show every metric there is', () => {
    const documented = readFileSync('docs/metrics.md', 'utf8').matchAll(/^\| `(kcg_\w+)`/gm);
    const shown = targets.map(({ expr }) => expr).join('\n');
    const missing = [...documented].map(([, name = '']) => name).filter((name) => !shown.includes(name));
    expect(missing).toEqual([]);
  });

  test.skipIf(promtool === undefined)(
    'have a series in each query once everything has happened',
    async () => {
      const scene = await eventfulScene();
      expect(
        scene.checkSeries(
          promtool!,
          targets.map(({ expr }) => asSent(expr)),
        ),
      ).toBe('');
    },
  );

  test.skipIf(promtool === undefined)('fail that check with a metric that is misspelt', async () => {
    const scene = await eventfulScene();
    expect(scene.checkSeries(promtool!, ['sum(kcg_worker_shard)'])).toContain('kcg_worker_shard');
  });
});

describe('the alerts', () => {
  const runbook = readFileSync('docs/runbook.md', 'utf8');
  const sections = runbook.split(/^## /m).slice(1);

  test('have a severity, a summary, a description and a section of the runbook each', () => {
    for (const { alert, labels, annotations } of alertRules()) {
      expect(['critical', 'warning'], alert).toContain(labels['severity']);
      expect(annotations['summary'], alert).toBeTruthy();
      expect(annotations['description'], alert).toMatch(/\.$/);
    }
    expect(sections.map((text) => text.split('\n')[0])).toEqual(alertRules().map(({ alert }) => alert));
  });

  test('are answered by a command each', () => {
    expect(sections.filter((text) => !/`(kubectl|kcg) /.test(text))).toEqual([]);
  });
});
