import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';

export const SCRAPE_SECONDS = 30;

/** The rules of docs/operating.md, as Prometheus reads them. */
export function documentedRules(): { groups: { name: string; rules: { alert: string; expr: string }[] }[] } {
  const page = readFileSync(new URL('../../docs/operating.md', import.meta.url), 'utf8');
  const blocks = [...page.matchAll(/```yaml\n(.*?)```/gs)].flatMap(([, text = '']) =>
    parseAllDocuments(text),
  );
  const objects = blocks.map((document) => document.toJS() as { kind: string; spec: never });
  return objects.find(({ kind }) => kind === 'PrometheusRule')!.spec;
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
    const folder = mkdtempSync(join(tmpdir(), 'kcg-alerts-'));
    try {
      writeFileSync(join(folder, 'rules.yaml'), stringify(documentedRules()));
      writeFileSync(join(folder, 'test.yaml'), stringify(this.#test(firing)));
      const { status, stdout, stderr } = spawnSync(promtool, ['test', 'rules', 'test.yaml'], {
        cwd: folder,
        encoding: 'utf8',
      });
      return status === 0 ? '' : `${stdout}${stderr}`;
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  #gap(): string[] {
    return Array.from({ length: this.#steps }, () => '_');
  }

  #test(firing: Record<string, readonly string[]>) {
    const interval = `${SCRAPE_SECONDS}s`;
    const expr = 'count by (alertname) (ALERTS{alertstate="firing"})';
    const tests = Object.entries(firing).map(([eval_time, alerts]) => ({
      expr,
      eval_time,
      exp_samples: alerts.map((alert) => ({ labels: `{alertname="${alert}"}`, value: 1 })),
    }));
    const input_series = [...this.#series].map(([series, values]) => ({ series, values: values.join(' ') }));
    return {
      rule_files: ['rules.yaml'],
      evaluation_interval: interval,
      tests: [{ interval, input_series, promql_expr_test: tests }],
    };
  }
}

/** Without the buckets of histograms, which no rule looks at. */
function samples(text: string, added: Record<string, string>): [series: string, value: string][] {
  const more = Object.entries(added).map(([name, value]) => `${name}="${value}"`);
  return text.split('\n').flatMap((line): [string, string][] => {
    const [, name, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined || value === undefined || name.endsWith('_bucket')) return [];
    return [[`${name}{${[labels, ...more].filter((part) => part !== '').join(',')}}`, value]];
  });
}
