import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';

export const SCRAPE_SECONDS = 30;

interface Rule {
  alert: string;
  expr: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

/** The alerts that the chart installs. */
const ALERTS_FILE = new URL('../../charts/kcg/files/alerts.yaml', import.meta.url);

export function alertRules(): Rule[] {
  const { groups } = parse(readFileSync(ALERTS_FILE, 'utf8')) as { groups: { rules: Rule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

/** What Prometheus would have stored of targets that are scraped at every step. */
export class Scrapes {
  /** By name and labels: a value per step, `stale` at the first where the series is gone, `_` before and after. */
  readonly #series = new Map<string, string[]>();
  #steps = 0;

  /** One step: the text of each target that answers, with the labels that the scrape adds. */
  step(targets: readonly { labels: Record<string, string>; text: string }[]): void {
    const seen = new Map(targets.flatMap(({ labels, text }) => samples(text, labels)));
    for (const name of seen.keys()) if (!this.#series.has(name)) this.#series.set(name, this.#gap());
    for (const [name, values] of this.#series) {
      const value = seen.get(name);
      values.push(value ?? (/^[\d.]/.test(values.at(-1) ?? '') ? 'stale' : '_'));
    }
    this.#steps += 1;
  }

  /**
   * @param firing by time since the first step, like `20m`: the alerts that fire then, and no others
   * @returns what promtool has to say against that; empty when it is so
   */
  check(promtool: string, firing: Record<string, readonly string[]>): string {
    const expr = 'count by (alertname) (ALERTS{alertstate="firing"})';
    const tests = Object.entries(firing).map(([eval_time, alerts]) => ({
      expr,
      eval_time,
      exp_samples: alerts.map((alert) => ({ labels: `{alertname="${alert}"}`, value: 1 })),
    }));
    return this.#run(promtool, tests);
  }

  /** @returns what promtool has to say when one of them is no PromQL, or has no series after all these steps; else nothing */
  checkSeries(promtool: string, expressions: readonly string[]): string {
    const eval_time = `${String((this.#steps - 1) * SCRAPE_SECONDS)}s`;
    const tests = expressions.map((expr) => ({
      expr: `count(${expr}) > bool 0`,
      eval_time,
      exp_samples: [{ labels: '{}', value: 1 }],
    }));
    return this.#run(promtool, tests);
  }

  #gap(): string[] {
    return Array.from({ length: this.#steps }, () => '_');
  }

  #run(promtool: string, tests: readonly object[]): string {
    const interval = `${SCRAPE_SECONDS}s`;
    const input_series = [...this.#series].map(([series, values]) => ({ series, values: values.join(' ') }));
    const test = {
      rule_files: ['rules.yaml'],
      evaluation_interval: interval,
      tests: [{ interval, input_series, promql_expr_test: tests }],
    };
    const folder = mkdtempSync(join(tmpdir(), 'kcg-alerts-'));
    try {
      copyFileSync(ALERTS_FILE, join(folder, 'rules.yaml'));
      writeFileSync(join(folder, 'test.yaml'), stringify(test));
      const args = ['test', 'rules', 'test.yaml'];
      const { status, stdout, stderr } = spawnSync(promtool, args, { cwd: folder, encoding: 'utf8' });
      return status === 0 ? '' : `${stdout}${stderr}`;
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
}

function samples(text: string, added: Record<string, string>): [series: string, value: string][] {
  const more = Object.entries(added).map(([name, value]) => `${name}="${value}"`);
  return text.split('\n').flatMap((line): [string, string][] => {
    const [, name, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) return [];
    return [[`${name}{${[labels, ...more].filter((part) => part !== '').join(',')}}`, value]];
  });
}
