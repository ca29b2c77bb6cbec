/*
 * Writes the Grafana dashboards of the chart from scripts/dashboards/. --check compares only. In an expression, `$of` stands for
 * the labels of the chosen group, and `$rate` for a window that holds a few scrapes.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { parse } from 'yaml';

const SOURCES = new URL('dashboards/', import.meta.url);
const FOLDER = new URL('../charts/kcg/files/dashboards/', import.meta.url);
/** A file each, and the uid in Grafana. */
export const DASHBOARDS = ['group', 'operator'] as const;

interface Panel {
  title: string;
  /** What a reader should know of it. */
  description: string;
  /** As Grafana names units: `s`, `Bps`, `rps`, `short`. */
  unit: string;
  /** One number, in place of lines over time. */
  single?: true;
  /** PromQL by legend, which may hold labels of the series: `{{shard}}`. */
  queries: Record<string, string>;
}

interface Row {
  title: string;
  panels: readonly Panel[];
}

interface Dashboard {
  title: string;
  /** Each narrows the ones after it. */
  variables: readonly { name: string; label: string; query: string }[];
  rows: readonly Row[];
}

const OF_GROUP = 'namespace="$namespace", kcg_dev_group="$group"';
const SOURCE = { type: 'prometheus', uid: '${datasource}' };
const COLUMNS = 24;
const HEIGHT = { single: 4, lines: 8 };

/** The panels of a row from left to right, and where the next row begins. */
function placed(row: Row, top: number, firstId: number) {
  const panels: unknown[] = [
    {
      id: firstId,
      type: 'row',
      title: row.title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y: top, w: COLUMNS, h: 1 },
    },
  ];
  let x = 0;
  let y = top + 1;
  let high = 0;
  for (const [index, panel] of row.panels.entries()) {
    const h = panel.single ? HEIGHT.single : HEIGHT.lines;
    const w = panel.single ? 6 : 12;
    if (x + w > COLUMNS || (high > 0 && h !== high)) {
      y += high;
      x = 0;
    }
    high = h;
    panels.push(panelJson(panel, { id: firstId + 1 + index, gridPos: { x, y, w, h } }));
    x += w;
  }
  return { panels, next: y + high };
}

/** Every field that Grafana's schema requires, whatever the version that reads it would make of one that is not there. */
function panelJson(panel: Panel, place: object) {
  const { title, description, unit, queries, single } = panel;
  const targets = Object.entries(queries).map(([legend, expr], index) => ({
    refId: String.fromCodePoint(65 + index),
    datasource: SOURCE,
    expr: expr.replaceAll('$of', OF_GROUP).replaceAll('$rate', '$__rate_interval'),
    legendFormat: legend,
    ...(single ? { instant: true, range: false } : { range: true }),
  }));
  const custom = single ? {} : { custom: { fillOpacity: 10, lineWidth: 1, showPoints: 'never' } };
  const options = single
    ? {
        reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
        colorMode: 'none',
        graphMode: 'none',
        justifyMode: 'auto',
        orientation: 'auto',
        textMode: 'auto',
        wideLayout: true,
        showPercentChange: false,
        percentChangeColorMode: 'standard',
      }
    : {
        legend: { showLegend: true, displayMode: 'list', placement: 'bottom', calcs: [] },
        tooltip: { mode: 'multi', sort: 'desc' },
      };
  return {
    ...place,
    type: single ? 'stat' : 'timeseries',
    title,
    description,
    datasource: SOURCE,
    fieldConfig: { defaults: { unit, min: 0, ...custom }, overrides: [] },
    options,
    targets,
  };
}

function dashboardJson(name: string, { title, variables, rows }: Dashboard): string {
  const panels: unknown[] = [];
  let top = 0;
  for (const row of rows) {
    const { panels: more, next } = placed(row, top, panels.length + 1);
    panels.push(...more);
    top = next;
  }
  const list = [
    { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
    ...variables.map((variable) => ({ ...variable, type: 'query', datasource: SOURCE, refresh: 2, sort: 1 })),
  ];
  const whole = {
    uid: `kcg-${name}`,
    title,
    tags: ['kcg'],
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    annotations: { list: [] },
    templating: { list },
    panels,
  };
  return `${JSON.stringify(whole, null, 1)}\n`;
}

async function main(argv: readonly string[]): Promise<void> {
  for (const name of DASHBOARDS) {
    const file = new URL(`${name}.json`, FOLDER);
    const source = await readFile(new URL(`${name}.yaml`, SOURCES), 'utf8');
    const wanted = dashboardJson(name, parse(source) as Dashboard);
    if ((await readFile(file, 'utf8').catch(() => '')) === wanted) continue;
    if (argv.includes('--check')) {
      console.error(`${name}.json is out of date: run npm run generate`);
      process.exitCode = 1;
    } else {
      await mkdir(FOLDER, { recursive: true });
      await writeFile(file, wanted);
    }
  }
}

if (import.meta.main) await main(process.argv.slice(2));
