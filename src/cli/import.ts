import { count } from '../lib/count.ts';
import type { OptionTable } from '../lib/options.ts';
import { clusterOptions } from './cluster-options.ts';
import { printTable } from './print-table.ts';

const { namespace, ...otherClusterOptions } = clusterOptions;
export const importOptions = {
  namespace: { ...namespace, description: "namespace of the resource NAME; default: the context's" },
  file: { type: 'string', short: 'f', description: 'YAML file of the group' },
  group: { type: 'string', description: 'id of the group, when there is no file, or it has several' },
  unmanaged: {
    type: 'boolean',
    description: 'no operator runs the group any more, whatever its claim in the table says',
  },
  table: { type: 'string', description: "the group's own table; default: the one its id gives" },
  stream: { type: 'string', description: 'name or ARN of the stream, when there is no file' },
  region: { type: 'string', description: "AWS region; default: the group's, then AWS_REGION" },
  'kinesis-endpoint': { type: 'url', description: 'URL of Kinesis, such as the one "kcg dev" prints' },
  'dynamodb-endpoint': { type: 'url', description: 'URL of DynamoDB, such as the one "kcg dev" prints' },
  type: {
    type: 'string',
    description: "whose positions; default: the group's importFrom, as all that follows",
    choices: [
      'KCL',
      'AsyncKinesis',
      'VmwareGoKcl',
      'RedpandaConnect',
      'KinesisConsumer',
      'EventSourceMapping',
    ],
  },
  from: { type: 'string', description: "the other consumer's table, or redis://host of async-kinesis" },
  'from-stream': { type: 'string', description: 'the stream as the other is configured with it' },
  'from-group': { type: 'string', description: 'application or group of the other' },
  'processed-until': {
    type: 'string',
    description: 'EventSourceMapping: time before which all was processed',
  },
  'overlap-seconds': {
    type: 'number',
    description: 'EventSourceMapping: read again from so long before it; default: 60',
    min: 0,
    max: 604_800,
  },
  'initial-position': {
    type: 'string',
    description: 'TrimHorizon, Latest or a time: for shards that the other has not begun',
  },
  'dry-run': { type: 'boolean', description: 'show what would become of each position, and write nothing' },
  undo: { type: 'boolean', description: 'remove what an import has written, while nothing was processed' },
  output: { type: 'string', short: 'o', description: 'all as JSON', choices: ['json'] },
  ...otherClusterOptions,
} as const satisfies OptionTable;

/** What would become of one shard, in words. */
export interface ImportLine {
  shardId: string;
  owner: string | undefined;
  /** Its position there; undefined = it has none. */
  from: string | undefined;
  /** Ours. */
  to: string;
  why: string;
  /** Records that neither processes. */
  missing: string | undefined;
  /** Records that come twice. */
  twice: string | undefined;
}

export interface ImportReport {
  source: string;
  /** What wrote it, as far as its rows tell. */
  version: string | undefined;
  /** For how long its rows have to stand still, seconds. */
  standStillSeconds: number | undefined;
  shards: readonly ImportLine[];
  /** What is left out, and what else is to be known. */
  notes: readonly string[];
  /** Why nothing can be imported; empty = it can. */
  refusals: readonly string[];
}

/** What `kcg import --dry-run` prints, without the newline at the end. */
export function printImportPlan(report: ImportReport, output: string | undefined): string {
  if (output === 'json') return JSON.stringify(report, undefined, 2);
  const { source, version, shards, notes, refusals } = report;
  const known = shards.filter(({ from }) => from !== undefined).length;
  const head = [
    `${source}${version === undefined ? '' : `, written by ${version}`}`,
    `${count(shards.length, 'shard')}, ${known} with a position there`,
  ].join(': ');
  const table = printTable([
    ['SHARD', 'THERE', 'HERE', 'BECAUSE', 'MISSING', 'TWICE'],
    ...shards.map(({ shardId, from, to, why, missing, twice }) => [
      shardId,
      from ?? '-',
      to,
      why,
      missing ?? '-',
      twice ?? '-',
    ]),
  ]);
  const parts = [head];
  if (shards.length > 0) parts.push(table);
  if (notes.length > 0) parts.push(notes.map((note) => `- ${note}`).join('\n'));
  if (refusals.length > 0)
    parts.push(['It cannot be imported:', ...refusals.map((why) => `- ${why}`)].join('\n'));
  else parts.push(ending(report));
  return parts.join('\n\n');
}

function ending({ standStillSeconds, shards }: ImportReport): string {
  const missing = shards.filter((shard) => shard.missing !== undefined).length;
  const loss = missing > 0 ? ` Records of ${count(missing, 'shard')} would be missing.` : '';
  const wait =
    standStillSeconds === undefined
      ? ''
      : ` Stop the other consumer first: its rows have to stand still for ${standStillSeconds} s.`;
  return `Nothing was written.${loss}${wait}`;
}
