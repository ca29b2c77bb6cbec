import { regionOfArn } from '../api/arn.ts';
import { count, figure } from '../lib/count.ts';
import { formatDuration } from './format.ts';
import { desiredStateOf, statusOf, type GroupPicture } from './group-picture.ts';

/** What is known of a group in a few words each: name and text. Those of which nothing is known are left out. */
export function factLines(picture: GroupPicture): [name: string, text: string][] {
  const { place, view, pods, table } = picture;
  const { stream: seen, table: seenTable, scaling, summary } = statusOf(picture);
  const arn = seen?.arn ?? place.stream?.arn;
  const region = place.region ?? regionOfArn(arn);
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
    waiting > 0 ? `${figure(waiting)} waiting for their parents` : '',
    ended > 0 ? `${figure(ended)} read to the end` : '',
  ].filter(Boolean);
  return [`${figure(view.ownedShards)} of ${figure(view.readableShards)} owned`, ...more].join(', ');
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
  for (const { said } of workers) byState.set(said, (byState.get(said) ?? 0) + 1);
  return [...byState].map(([state, n]) => `${figure(n)} ${state}`).join(', ') || 'none';
}

function podsOf(pods: NonNullable<GroupPicture['pods']>): string {
  const ready = pods.filter((pod) => pod.ready).length;
  const restarts = pods.reduce((sum, pod) => sum + pod.restarts, 0);
  return `${figure(ready)} of ${figure(pods.length)} ready${restarts > 0 ? `, ${count(restarts, 'restart')}` : ''}`;
}

function scalingOf({
  desired = 0,
  limitedBy,
  lastScale,
}: NonNullable<ReturnType<typeof statusOf>['scaling']>): string {
  const limit = limitedBy && limitedBy !== 'NotLimited' ? `, limited by ${limitedBy}` : '';
  return `${figure(desired)} wanted${limit}${lastScale ? `; last: ${lastScale.reason}` : ''}`;
}
