import { stringify } from 'yaml';
import { count, figure } from '../lib/count.ts';
import type { OptionTable } from '../lib/options.ts';
import type { Paint, Style } from '../lib/paint.ts';
import { visible } from '../lib/visible.ts';
import { factLines } from '../view/fact-lines.ts';
import { desiredStateOf, statusOf, type GroupPicture, type Unknown } from '../view/group-picture.ts';
import { isTrouble, problemsOf } from '../view/group-problems.ts';
import type { Problem, Severity } from '../view/problem.ts';
import { verdictOf, type Verdict } from '../view/verdict.ts';
import { otherClusterOptions, placeOptions, selectOptions, watchOption } from './group-options.ts';
import { printTable } from './print-table.ts';

export const statusOptions = {
  ...selectOptions,
  ...watchOption,
  output: {
    type: 'string',
    short: 'o',
    description: 'all as data, or names',
    choices: ['json', 'yaml', 'name'],
  },
  ...placeOptions,
  ...otherClusterOptions,
} as const satisfies OptionTable;

const VERDICT_STYLES: Record<Verdict['kind'], Style> = {
  error: 'red',
  warning: 'yellow',
  asked: 'yellow',
  unknown: 'yellow',
  good: 'green',
};

/** What `kcg status NAME` prints: one screen, without the newline at the end. */
export function printStatus(picture: GroupPicture, paint: Paint): string {
  const problems = problemsOf(picture);
  const { word, kind } = verdictOf(picture, problems);
  const facts = factLines(picture);
  const width = Math.max(...facts.map(([name]) => name.length));
  const lines = [
    `${paint('bold', picture.title)}  ${paint(VERDICT_STYLES[kind], word)}`,
    ...facts.map(([name, text]) => `  ${name.padEnd(width)}  ${visible(text)}`),
  ];
  if (problems.length > 0) lines.push('', ...problems.flatMap((problem) => problemLines(problem, paint)));
  const told = new Set(problems.flatMap(({ reason }) => TOLD_BY[reason] ?? []));
  const unknown = picture.unknown.filter(({ what }) => !told.has(what));
  if (unknown.length > 0) lines.push('', ...unknownLines({ unknown }, paint));
  return lines.join('\n');
}

/** What cannot be read for a reason that a problem tells, with what to do. */
const TOLD_BY: Readonly<Record<string, readonly Unknown['what'][]>> = {
  StreamNotFound: ['stream'],
  TableNotFound: ['rows', 'table'],
  TableGone: ['rows', 'table'],
  TableSchemaMismatch: ['rows'],
};

const STYLES: Record<Severity, Style> = { error: 'red', warning: 'yellow', note: 'cyan' };

function problemLines({ severity, reason, what, next }: Problem, paint: Paint): string[] {
  const head = `${paint(STYLES[severity], severity.toUpperCase().padEnd(7))}  ${reason}: ${visible(what)}`;
  return next === undefined ? [head] : [head, `         ${paint('dim', `→ ${visible(next)}`)}`];
}

export function unknownLines({ unknown }: Pick<GroupPicture, 'unknown'>, paint: Paint): string[] {
  return unknown.map(({ what, why }) => `${paint('dim', 'UNKNOWN')}  ${what}: ${visible(why)}`);
}

/** What `kcg status` prints of several groups, worst first. */
export function printStatusList(pictures: readonly GroupPicture[], paint: Paint): string {
  const judged = pictures.map((picture) => ({ picture, problems: problemsOf(picture) }));
  const rows = judged.map(({ picture, problems }) => {
    const { word, kind } = verdictOf(picture, problems);
    const { summary } = statusOf(picture);
    const { stream } = picture.place;
    return [
      picture.title,
      paint(VERDICT_STYLES[kind], word),
      stream?.name,
      summary?.shards,
      summary?.pods,
      summary?.lag,
    ].map((cell) => cell ?? '-');
  });
  const troubles = judged.flatMap(({ picture, problems }) =>
    problems
      .filter(isTrouble)
      .flatMap((problem) =>
        problemLines({ ...problem, reason: `${picture.title} ${problem.reason}` }, paint),
      ),
  );
  const wrong = judged.filter(({ problems }) => problems.some(isTrouble)).length;
  const end =
    wrong === 0
      ? `${count(pictures.length, 'group')}, nothing wrong`
      : `${figure(wrong)} of ${count(pictures.length, 'group')} in trouble`;
  return [
    printTable([['GROUP', 'STATUS', 'STREAM', 'SHARDS', 'PODS', 'LAG'], ...rows]),
    ...(troubles.length > 0 ? [troubles.join('\n')] : []),
    end,
  ].join('\n\n');
}

/** Data for programs; field names are stable. */
export function statusData(picture: GroupPicture): object {
  const problems = problemsOf(picture);
  const { view, place, unknown, key } = picture;
  const { groupId, table, region, stream } = place;
  return {
    group: picture.title,
    ...key,
    verdict: verdictOf(picture, problems).word,
    desiredState: desiredStateOf(picture),
    groupId,
    table,
    region,
    stream: stream?.name,
    shards: view && { owned: view.ownedShards, readable: view.readableShards, listed: view.shards.length },
    lagSeconds: view?.lag.maxMs === undefined ? undefined : Math.round(view.lag.maxMs / 1_000),
    lagShardId: view?.lag.maxShardId,
    retentionHeadroomPercent: view?.lag.headroomPercent,
    workers: view?.workers.map(({ worker, row, shards }) => ({ worker, state: row.state, shards })),
    pods: picture.pods?.map(({ name, ready, phase, restarts }) => ({ name, ready, phase, restarts })),
    problems,
    unknown,
  };
}

/** One that was named as it is, all else as a list: as kubectl has it, also where there is one alone. */
export function printData(values: readonly object[], output: 'json' | 'yaml', isNamed = true): string {
  const value = isNamed && values.length === 1 ? values[0] : values;
  return output === 'json' ? JSON.stringify(value, undefined, 2) : stringify(value).trimEnd();
}
