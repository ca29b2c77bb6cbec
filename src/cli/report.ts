import { handledRows } from '../view/redact-rows.ts';
import { redactEvent, redactLogLine, redactObject, withoutPasswords, LEFT_OUT } from '../view/redact.ts';
import type { GroupPicture } from '../view/group-picture.ts';
import type { StoredObject } from '../kubernetes/cluster.ts';
import type { OptionTable } from '../lib/options.ts';
import type { TarFile } from '../lib/tar.ts';
import { otherClusterOptions, placeOptions, selectOptions } from './group-options.ts';

export const reportOptions = {
  namespace: selectOptions.namespace,
  'output-file': {
    type: 'string',
    description: 'archive to write; default: kcg-report-<group>-<time>.tar.gz here',
  },
  'operator-namespace': { type: 'string', description: 'where the operator runs', default: 'kcg-system' },
  tail: { type: 'number', description: 'last lines of each log', default: 2_000, min: 1, max: 100_000 },
  ...placeOptions,
  ...otherClusterOptions,
} as const satisfies OptionTable;

/** All that was found for one group, as it is. */
export interface ReportInput {
  version: string;
  kubernetes: string | undefined;
  picture: GroupPicture;
  /** Of the group: Deployment, ReplicaSets, pods, PodDisruptionBudget; of kcg: the operator's. */
  objects: readonly StoredObject[];
  events: readonly StoredObject[];
  /** Pod → lines. */
  logs: ReadonlyMap<string, readonly string[]>;
  /** Pod → what `/metrics` answered. */
  metrics: ReadonlyMap<string, string>;
  /** What could not be got, and why. */
  missing: readonly string[];
}

const README = `A report of one consumer group, for a bug report. Look through it before you send it.

Left out: values of environment variables and of tags, arguments of commands, Secrets, annotations of others, passwords in URLs,
filter patterns, the words of handlers and containers (their errors, their lines in the logs), and all record data: nothing here
was read from the stream. In place of each stands ${LEFT_OUT}.
`;

/** The files of the archive; nothing in them that the README says is left out. */
export function reportFiles(input: ReportInput): TarFile[] {
  const { picture, objects, events, logs, metrics } = input;
  const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`;
  return [
    { path: 'README.txt', content: README },
    { path: 'summary.json', content: json(summary(input)) },
    ...objects.map((object) => ({ path: pathOf(object), content: json(redactObject(object)) })),
    { path: 'events.json', content: json(events.map(redactEvent)) },
    { path: 'rows.json', content: json(picture.rows && handledRows(picture.rows)) },
    { path: 'shards.json', content: json(picture.shards) },
    {
      path: 'table.json',
      content: json(picture.table && { ...picture.table, tags: Object.keys(picture.table.tags) }),
    },
    ...[...logs].map(([pod, lines]) => ({ path: `logs/${short(pod)}.log`, content: logOf(lines) })),
    ...[...metrics].map(([pod, text]) => ({ path: `metrics/${short(pod)}.txt`, content: text })),
  ];
}

function summary({ version, kubernetes, picture, missing }: ReportInput): object {
  const { place, unknown, nowMs, stream } = picture;
  return {
    kcg: version,
    node: process.version,
    platform: `${process.platform}/${process.arch}`,
    kubernetes,
    time: new Date(nowMs).toISOString(),
    group: picture.title,
    groupId: place.groupId,
    table: place.table,
    region: place.region,
    stream,
    endpoints: [place.kinesis, place.dynamodb].map((url) => url && withoutPasswords(url)),
    missing: [...unknown.map(({ what, why }) => `${what}: ${withoutPasswords(why)}`), ...missing],
  };
}

function pathOf({ kind, metadata }: StoredObject): string {
  return `objects/${kind.toLowerCase()}-${short(metadata.name)}.json`;
}

/** Names of objects can be longer than paths in an archive. */
function short(name: string): string {
  return name.length <= 60 ? name : `${name.slice(0, 40)}~${name.slice(-19)}`;
}

function logOf(lines: readonly string[]): string {
  const kept = lines.map(redactLogLine);
  const dropped = kept.filter((line) => line === undefined).length;
  const end = dropped === 0 ? [] : [`${dropped} lines left out: not known to be kcg's own`];
  return `${[...kept.filter((line) => line !== undefined), ...end].join('\n')}\n`;
}
