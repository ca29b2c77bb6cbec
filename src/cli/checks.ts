import { count } from '../lib/count.ts';
import type { Paint, Style } from '../lib/paint.ts';
import { visible } from '../lib/visible.ts';

/** `unknown`: it could not be tried, which is no trouble by itself. */
export type CheckResult = 'ok' | 'warning' | 'failed' | 'unknown';

export interface Check {
  result: CheckResult;
  /** What was looked at, a word or two: `stream`, `claim`. */
  what: string;
  /** What was found, a sentence. */
  found: string;
  /** What to do, a sentence. */
  next?: string | undefined;
}

const STYLES: Record<CheckResult, Style> = { ok: 'green', warning: 'yellow', failed: 'red', unknown: 'dim' };

/** Lines of a list of checks in their order, with a sum at the end. */
export function printChecks(title: string, checks: readonly Check[], paint: Paint): string {
  const width = Math.max(0, ...checks.map(({ what }) => what.length));
  const lines = checks.flatMap(({ result, what, found, next }) => {
    const head = `  ${paint(STYLES[result], result.padEnd(7))}  ${what.padEnd(width)}  ${visible(found).replaceAll('\n', ' ')}`;
    const indent = ' '.repeat(13 + width);
    return next === undefined ? [head] : [head, `${indent}${paint('dim', `→ ${visible(next)}`)}`];
  });
  const failed = checks.filter(({ result }) => result === 'failed').length;
  const warnings = checks.filter(({ result }) => result === 'warning').length;
  const unknown = checks.filter(({ result }) => result === 'unknown').length;
  const sum = [
    failed > 0 ? `${failed} failed` : 'nothing failed',
    ...(warnings > 0 ? [count(warnings, 'warning')] : []),
    ...(unknown > 0 ? [`${unknown} not known`] : []),
  ];
  return [paint('bold', title), ...lines, '', sum.join(', ')].join('\n');
}

export function anyFailed(checks: readonly Check[]): boolean {
  return checks.some(({ result }) => result === 'failed');
}
