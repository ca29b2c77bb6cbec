import { stringify } from 'yaml';
import { count } from '../lib/count.ts';
import type { OptionTable } from '../lib/options.ts';
import type { Paint, Style } from '../lib/paint.ts';
import { visible } from '../lib/visible.ts';
import { formatDuration } from '../view/format.ts';
import { desiredStateOf, statusOf, type GroupPicture } from '../view/group-picture.ts';
import { isTrouble, problemsOf, type Problem, type Severity } from '../view/group-problems.ts';
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

/** What one word and colour sum a group up with. */
export interface Verdict {
  word: string;
  style: Style;
}

export function verdictOf(picture: GroupPicture, problems: readonly Problem[]): Verdict {
  const worst = problems.find(isTrouble);
  if (worst) return { word: worst.reason, style: worst.severity === 'error' ? 'red' : 'yellow' };
  const state = desiredStateOf(picture);
  if (state !== undefined && state !== 'Running') return { word: state, style: 'yellow' };
  const isKnown = picture.view !== undefined || statusOf(picture).conditions !== undefined;
  return isKnown ? { word: 'Ready', style: 'green' } : { word: 'Unknown', style: 'yellow' };
}

/** What `kcg status NAME` prints: one screen, without the newline at the end. */
export function printStatus(picture: GroupPicture, paint: Paint): string {
  const problems = problemsOf(picture);
  const { word, style } = verdictOf(picture, problems);
  const facts = factsOf(picture);
  const width = Math.max(...facts.map(([name]) => name.length));
  const lines = [
    `${paint('bold', picture.title)}  ${paint(style, word)}`,
    ...facts.map(([name, text]) => `  ${name.padEnd(width)}  ${visible(text)}`),
  ];
  if (problems.length > 0) lines.push('', ...problems.flatMap((problem) => problemLines(problem, paint)));
  if (picture.unknown.length > 0) lines.push('', ...unknownLines(picture, paint));
  return lines.join('\n');
}

function factsOf(picture: GroupPicture): [name: string, text: string][] {
  const { place, view, stream, pods, table } = picture;
  const { stream: seen, table: seenTable, scaling, summary } = statusOf(picture);
  const arn = seen?.arn ?? place.stream?.arn;
  const region = place.region ?? arn?.split(':')[3];
  const facts: [string, string | undefined][] = [
    ['State', desiredStateOf(picture)],
    ['Stream', place.stream && [place.stream.name, region].filter(Boolean).join(', ') + retentionOf(picture)],
    ['Table', `${place.table}${suffix(table?.status ?? seenTable?.status)}`],
    ['Shards', shardsOf(picture) ?? summary?.shards],
    ['Lag', lagOf(picture) ?? summary?.lag],
    ['Workers', view && workersOf(view)],
    ['Pods', pods ? podsOf(pods) : summary?.pods],
    ['Scaling', scaling?.desired === undefined ? undefined : scalingOf(scaling)],
  ];
  if (stream === undefined && seen?.retentionHours === undefined) facts.splice(1, 0);
  return facts.filter((fact): fact is [string, string] => fact[1] !== undefined && fact[1] !== '');
}

function suffix(status: string | undefined): string {
  return status === undefined || status === 'ACTIVE' ? '' : ` (${status})`;
}

function retentionOf(picture: GroupPicture): string {
  const hours = picture.stream?.retentionHours ?? statusOf(picture).stream?.retentionHours;
  return hours === undefined ? '' : `, keeps ${hours} h${suffix(picture.stream?.status)}`;
}

function shardsOf({ view }: GroupPicture): string | undefined {
  if (!view) return undefined;
  const waiting = view.shards.filter(({ state }) => state === 'waiting').length;
  const ended = view.shards.filter(({ state }) => state === 'ended').length;
  const more = [
    waiting > 0 ? `${waiting} waiting for their parents` : '',
    ended > 0 ? `${ended} read to the end` : '',
  ].filter(Boolean);
  return [`${view.ownedShards} of ${view.readableShards} owned`, ...more].join(', ');
}

function lagOf({ view }: GroupPicture): string | undefined {
  if (!view) return undefined;
  const { maxMs, maxShardId, headroomPercent } = view.lag;
  if (maxMs === undefined) return 'not known yet';
  const of = maxShardId === undefined ? '' : ` (${maxShardId})`;
  const left = headroomPercent === undefined ? '' : `, ${headroomPercent} % of the retention left`;
  return `${formatDuration(maxMs)}${of}${left}`;
}

function workersOf({ workers }: NonNullable<GroupPicture['view']>): string {
  const byState = new Map<string, number>();
  for (const { row } of workers) byState.set(row.state, (byState.get(row.state) ?? 0) + 1);
  return [...byState].map(([state, n]) => `${n} ${state}`).join(', ') || 'none';
}

function podsOf(pods: NonNullable<GroupPicture['pods']>): string {
  const ready = pods.filter((pod) => pod.ready).length;
  const restarts = pods.reduce((sum, pod) => sum + pod.restarts, 0);
  return `${ready} of ${pods.length} ready${restarts > 0 ? `, ${count(restarts, 'restart')}` : ''}`;
}

function scalingOf({
  desired,
  limitedBy,
  lastScale,
}: NonNullable<ReturnType<typeof statusOf>['scaling']>): string {
  const limit = limitedBy && limitedBy !== 'NotLimited' ? `, limited by ${limitedBy}` : '';
  return `${desired} wanted${limit}${lastScale ? `; last: ${lastScale.reason}` : ''}`;
}

const STYLES: Record<Severity, Style> = { error: 'red', warning: 'yellow', note: 'cyan' };

export function problemLines({ severity, reason, what, next }: Problem, paint: Paint): string[] {
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
    const { word, style } = verdictOf(picture, problems);
    const { summary } = statusOf(picture);
    const { stream } = picture.place;
    return [
      picture.title,
      paint(style, word),
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
      : `${wrong} of ${count(pictures.length, 'group')} in trouble`;
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

/** One value as it is, several as a list. */
export function printData(values: readonly object[], output: 'json' | 'yaml'): string {
  const value = values.length === 1 ? values[0] : values;
  return output === 'json' ? JSON.stringify(value, undefined, 2) : stringify(value).trimEnd();
}
