import {
  defaultTableName,
  groupIdOf,
  rowsGroupIdOf,
  regionOf,
  tableNameOf,
  type KinesisConsumerGroup,
} from '../api/group.ts';
import { regionFrom } from '../aws/region-from.ts';
import { count, figure } from '../lib/count.ts';
import { KcgError } from '../lib/errors.ts';
import type { OptionTable, OptionValues } from '../lib/options.ts';
import { formatCheckpoint } from '../view/format-position.ts';
import { formatAge, formatDuration } from '../view/format.ts';
import type { Judged } from '../view/judge-shard.ts';
import {
  LEASE_DURATION_MS,
  type OwnershipView,
  type ShardOwnership,
  type WorkerOwnership,
} from '../view/ownership-view.ts';
import { clusterOptions } from './cluster-options.ts';
import { printTable } from './print-table.ts';
import { printData } from './status.ts';
import { tellTrouble } from '../view/tell-trouble.ts';

const { namespace, ...otherClusterOptions } = clusterOptions;
export const leasesOptions = {
  namespace: { ...namespace, description: "namespace of the resource NAME; default: the context's" },
  file: { type: 'string', short: 'f', description: 'YAML file of the group; names table, group and region' },
  table: { type: 'string', description: "DynamoDB table; default: the one the group's id gives" },
  group: { type: 'string', description: 'id of the group; default: the only one in the table' },
  region: {
    type: 'string',
    description: "AWS region; default: the group's, then AWS_REGION, then the profile's",
  },
  'dynamodb-endpoint': { type: 'url', description: 'URL of DynamoDB, such as the one "kcg dev" prints' },
  watch: { type: 'boolean', short: 'w', description: 'redraw every two seconds, until Ctrl-C' },
  output: {
    type: 'string',
    short: 'o',
    description: 'more columns, or all as data',
    choices: ['wide', 'json', 'yaml'],
  },
  ...otherClusterOptions,
} as const satisfies OptionTable;

export interface LeasesTarget {
  table: string;
  /** Undefined = whichever is in the table. */
  groupId: string | undefined;
  /** Undefined = as AWS is configured here. */
  region: string | undefined;
  endpoint: string | undefined;
  /** As the group's spec says; 15,000 without a group. */
  leaseDurationMs: number;
}

/** A group, and what else is known of where its rows are. */
export interface LeasesSource {
  /** Undefined where nobody could be asked for it. */
  group: KinesisConsumerGroup | undefined;
  /** Whose rows are looked for then, as a group of that name has them unless its spec says otherwise. */
  groupId?: string | undefined;
  /** Region of the table that the operator found, for a group that names none. */
  tableRegion?: string | undefined;
}

/**
 * Where to look, from flags, then the group, then the environment.
 * @throws KcgError `InvalidInput` when that does not say which table
 */
export function leasesTarget(
  options: OptionValues<typeof leasesOptions>,
  source: LeasesSource | undefined,
  env: NodeJS.ProcessEnv,
): LeasesTarget {
  const { group, tableRegion } = source ?? {};
  const groupId = group ? rowsGroupIdOf(group) : (options.group ?? source?.groupId);
  const table = options.table ?? (group ? tableNameOf(group) : groupId && defaultTableName(groupId));
  if (table === undefined) {
    throw new KcgError('InvalidInput', 'leases needs to know the table', {
      fix: 'Run kcg leases NAME -n NAMESPACE or kcg leases -f group.yaml, or name --table or --group.',
    });
  }
  return {
    table,
    groupId,
    region: options.region ?? (group && regionOf(group, tableRegion)) ?? regionFrom(env),
    endpoint: options.dynamodbEndpoint ?? group?.spec.endpoints?.dynamodb,
    leaseDurationMs: group ? group.spec.leases.durationSeconds * 1_000 : LEASE_DURATION_MS,
  };
}

/**
 * A name is that of a resource in the cluster, which needs no file and has one group.
 * @throws KcgError `InvalidInput`
 */
export function requireOneSource(
  verb: string,
  name: string | undefined,
  { file, group }: Partial<Pick<OptionValues<typeof leasesOptions>, 'file' | 'group'>>,
): void {
  const other = file !== undefined ? '-f' : group !== undefined ? '--group' : undefined;
  if (name === undefined || other === undefined) return;
  throw new KcgError('InvalidInput', `${verb} takes the name of a resource or ${other}, not both`, {
    fix: `Leave out ${name} or ${other}.`,
  });
}

/**
 * Of the groups of a file one, by its id or the resource's name.
 * @throws KcgError `InvalidInput` when that is not one
 */
export function pickGroup(
  file: string,
  groups: readonly KinesisConsumerGroup[],
  wanted: string | undefined,
): KinesisConsumerGroup {
  const found = groups.filter(
    (group) => wanted === undefined || groupIdOf(group) === wanted || group.metadata.name === wanted,
  );
  const [group] = found;
  if (group && found.length === 1) return group;
  const ids = groups.map(groupIdOf).join(', ');
  const what = group ? `${file} holds ${count(found.length, 'group')}` : `${file} holds no group ${wanted}`;
  throw new KcgError('InvalidInput', what, { fix: `Choose one with --group: ${ids}.` });
}

export interface LeasesInput {
  view: OwnershipView;
  table: string;
  groupId: string | undefined;
  output: string | undefined;
  /** As `LeasesTarget` has it: the silence of a worker is measured by it. */
  leaseDurationMs: number;
  /** Ms between two looks. */
  intervalMs: number;
  /** Wall clock, ms since the epoch. */
  now: number;
}

/** What `kcg leases` prints, without the newline at the end. */
export function printLeases(input: LeasesInput): string {
  const { view, table, groupId, output, now } = input;
  if (output === 'json' || output === 'yaml') {
    const { shards, workers, paused } = view;
    const printed = {
      table,
      groupId,
      paused,
      shards: shards.map(shardJson),
      workers: workers.map(workerJson),
    };
    return printData([printed], output);
  }
  const wide = output === 'wide';
  const parts = [headline(input)];
  if (view.shards.length > 0) parts.push(printTable(shardTable(view.shards, now, wide)));
  if (view.workers.length > 0) parts.push(printTable(workerTable(input, wide)));
  return [...parts, ...remarks(input)].join('\n\n');
}

function headline({ view, table, groupId }: LeasesInput): string {
  const { ownedShards, unendedShards, lagMs, workers } = view;
  const alive = workers.filter(({ state }) => state !== 'dead').length;
  return [
    groupId === undefined ? `table ${table}` : `group ${groupId} in table ${table}`,
    `${figure(ownedShards)} of ${count(unendedShards, 'shard')} owned`,
    count(alive, 'worker'),
    `lag ${lagMs === undefined ? 'unknown' : formatDuration(lagMs)}`,
  ].join(', ');
}

function shardTable(shards: readonly ShardOwnership[], now: number, wide: boolean): string[][] {
  const header = ['SHARD', 'STATE', 'OWNER', 'EPOCH', 'CHECKPOINTED', 'LAG', 'JUDGEMENT'];
  const more = ['INCARNATION', 'BECAUSE', 'FROM', 'READ', 'POSITION', 'PARENTS'];
  return [
    wide ? [...header, ...more] : header,
    ...shards.map((shard) => {
      const { shardId, state, owner, epoch, checkpointedAt, lagMs, judged } = shard;
      const lag = lagMs === undefined ? undefined : formatDuration(lagMs);
      const cells = [shardId, state, owner, epoch, ago(checkpointedAt, now), lag, judgement(judged)];
      if (!wide) return cells.map(cell);
      const { incarnation, lastChange, readAt, checkpoint, parents } = shard;
      cells.push(incarnation, lastChange?.why, lastChange?.from);
      cells.push(ago(readAt, now), formatCheckpoint(checkpoint), parents.join(','));
      return cells.map(cell);
    }),
  ];
}

function workerTable({ view, now, leaseDurationMs, intervalMs }: LeasesInput, wide: boolean): string[][] {
  const header = ['WORKER', 'STATE', 'HELD', 'BEAT', 'LAST BEAT', 'REVISION'];
  const more = ['INCARNATION', 'LAG', 'STARTED', 'NODE', 'ADDRESS', 'FENCED BY'];
  // A beat that is seen late, because nobody looked, is not silence.
  const noticedMs = leaseDurationMs / 3 + intervalMs;
  return [
    wide ? [...header, ...more] : header,
    ...view.workers.map((worker) => {
      const { silentMs = 0, lagMs, startedAt } = worker;
      const held = worker.state === 'dead' ? undefined : worker.held;
      const isSilent = worker.state !== 'dead' && silentMs > noticedMs;
      // To the others a worker that waits for the end of a pause is one that has not begun.
      const said = view.paused && worker.state === 'starting' ? 'paused' : worker.state;
      const state = isSilent ? `${said}, silent ${formatDuration(silentMs)}` : said;
      const cells = [worker.worker, state, held, worker.beat, ago(worker.beatAt, now), worker.revision];
      if (!wide) return cells.map(cell);
      const { incarnation, node, address, fencedBy } = worker;
      const lag = lagMs === undefined ? undefined : formatDuration(lagMs);
      cells.push(incarnation, lag, ago(startedAt || undefined, now), node, address, fencedBy);
      return cells.map(cell);
    }),
  ];
}

/** What the columns do not say by themselves. */
function remarks({ view, now, leaseDurationMs }: LeasesInput): string[] {
  const late = view.workers.filter(
    ({ state, beatAt, silentMs }) =>
      state !== 'dead' &&
      silentMs === undefined &&
      beatAt !== undefined &&
      now - beatAt > 2 * leaseDurationMs,
  );
  const remark = [];
  if (view.shards.length + view.workers.length === 0) remark.push('No shard has a row yet.');
  for (const { worker, state, handlerTrouble: trouble } of view.workers) {
    if (state === 'dead' || !trouble) continue;
    remark.push(`${worker}: ${tellTrouble(trouble)}: ${trouble.error}`);
  }
  if (late.length > 0) {
    remark.push(
      `${late.map(({ worker }) => worker).join(', ')}: no beat for long, by the clocks of this machine and theirs. ` +
        'Whether a worker is dead only watching can tell: add --watch.',
    );
  }
  return remark;
}

function ago(time: number | undefined, now: number): string | undefined {
  return time === undefined ? undefined : `${formatAge(now - time)} ago`;
}

function judgement(judged: Judged | undefined): string | undefined {
  return judged?.cause ? `${judged.judgement} (${judged.cause})` : judged?.judgement;
}

function cell(value: string | number | undefined): string {
  return value === undefined || value === '' ? '-' : String(value);
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}

function shardJson({ checkpoint, checkpointedAt, readAt, judged, ...rest }: ShardOwnership) {
  return {
    ...rest,
    ...judged,
    position: formatCheckpoint(checkpoint),
    checkpointedAt: checkpointedAt && time(checkpointedAt),
    readAt: readAt && time(readAt),
  };
}

function workerJson({ beatAt, startedAt, ...rest }: WorkerOwnership) {
  return { ...rest, beatAt: beatAt && time(beatAt), startedAt: startedAt ? time(startedAt) : undefined };
}
