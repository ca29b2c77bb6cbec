import type { OffsetResetSpec } from '../api/offset-reset.ts';
import { offsetResetSpec } from '../api/offset-reset-spec.ts';
import { problemsOf } from '../api/problems.ts';
import { shardIdFrom } from '../kinesis/shard.ts';
import { count } from '../lib/count.ts';
import { KcgError } from '../lib/errors.ts';
import type { OptionTable, OptionValues } from '../lib/options.ts';
import { clusterOptions } from './cluster-options.ts';
import { printTable } from './print-table.ts';

const { namespace, ...otherClusterOptions } = clusterOptions;
export const resetOptions = {
  to: { type: 'string', description: 'TrimHorizon, Latest, or a time such as 2026-11-29T08:00:00Z' },
  'to-group': { type: 'string', description: 'where the group of this name stands' },
  'to-snapshot': { type: 'string', description: 'as it stood before a reset: the id of its snapshot' },
  after: {
    type: 'string',
    many: true,
    description: 'SHARD=NUMBER: move this shard behind the record of that number; repeat for others',
  },
  at: {
    type: 'string',
    many: true,
    description: 'SHARD=NUMBER: the same, so that the record itself comes again',
  },
  undo: { type: 'boolean', description: 'back to where the group stood before its last reset' },
  stop: {
    type: 'boolean',
    description: 'stop workers that run for that time; without it they are left alone',
  },
  'dry-run': { type: 'boolean', description: 'show what would become of each position, and write nothing' },
  ttl: {
    type: 'number',
    // Whoever waits for the end looks at the resource.
    min: 60,
    max: 2_147_483_647,
    isSeconds: true,
    description: 'seconds after which the KinesisOffsetReset is deleted once it is over; default: it is kept',
  },
  namespace: { ...namespace, description: "namespace of the group; default: the context's" },
  file: {
    type: 'string',
    short: 'f',
    description: 'YAML file of a group that no operator in a cluster runs',
  },
  group: { type: 'string', description: 'id of the group, when the file has several' },
  unmanaged: {
    type: 'boolean',
    description: 'with -f: no operator runs the group any more, whatever its claim in the table says',
  },
  table: { type: 'string', description: "with -f: the group's table; default: the one its id gives" },
  region: { type: 'string', description: "with -f: AWS region; default: the group's, then AWS_REGION" },
  'kinesis-endpoint': {
    type: 'url',
    description: 'with -f: URL of Kinesis, such as the one "kcg dev" prints',
  },
  'dynamodb-endpoint': {
    type: 'url',
    description: 'with -f: URL of DynamoDB, such as the one "kcg dev" prints',
  },
  output: { type: 'string', short: 'o', description: 'all as JSON', choices: ['json'] },
  ...otherClusterOptions,
} as const satisfies OptionTable;

type Options = Pick<
  OptionValues<typeof resetOptions>,
  'to' | 'toGroup' | 'toSnapshot' | 'after' | 'at' | 'undo' | 'stop' | 'dryRun'
>;

/**
 * What the flags ask for, as a spec has it; undefined `to` = undo.
 * @throws KcgError `InvalidInput` when that is nothing, or more than one thing
 */
export function targetFromFlags(options: Options): OffsetResetSpec['to'] {
  const { to, toGroup, toSnapshot, undo } = options;
  const positions = [...options.after.map(named('after')), ...options.at.map(named('at'))];
  const given = [
    to === undefined ? undefined : byName(to),
    toGroup === undefined ? undefined : { type: 'Group', group: toGroup },
    toSnapshot === undefined ? undefined : { type: 'Snapshot', snapshot: toSnapshot },
    positions.length === 0 ? undefined : { type: 'SequenceNumbers', positions },
  ].filter((each) => each !== undefined);
  if (given.length + (undo ? 1 : 0) !== 1) {
    const what = given.length === 0 ? 'reset needs to know where to' : 'reset goes to one place only';
    throw new KcgError('InvalidInput', what, {
      fix: 'Name one of --to, --after or --at, --to-group, --to-snapshot and --undo.',
    });
  }
  if (undo) return undefined;
  const spec = { group: 'any', to: given[0] };
  const parsed = offsetResetSpec.safeParse(spec);
  if (parsed.success) return parsed.data.to;
  throw new KcgError('InvalidInput', problemsOf(offsetResetSpec, spec, parsed.error.issues).join('; '));
}

const WORDS = ['TrimHorizon', 'Latest'] as const;

function byName(to: string) {
  const type = WORDS.find((word) => word.toLowerCase() === to.toLowerCase().replace(/[-_]/g, ''));
  if (type !== undefined) return { type };
  if (/^\d{4}-/.test(to)) return { type: 'AtTimestamp', timestamp: to };
  throw new KcgError('InvalidInput', `--to takes TrimHorizon, Latest or a time, not '${to}'`, {
    fix: 'Write a time as in --to 2026-11-29T08:00:00Z.',
  });
}

const named = (how: 'after' | 'at') => (text: string) => {
  const [shardId, number, more] = text.split('=');
  if (!shardId || !number || more !== undefined) {
    throw new KcgError('InvalidInput', `--${how} takes SHARD=NUMBER, not '${text}'`, {
      fix: `Write for example --${how} shardId-000000000000=4959….`,
    });
  }
  return { shardId: shardIdFrom(shardId), [how]: number };
};

export interface ResetReport {
  isDryRun: boolean;
  message: string;
  shards: readonly { shardId: string; from?: string | undefined; to: string; why: string }[];
  /** Shards that stand there already. */
  unchanged: number;
  notes: readonly string[];
  /** Id of the snapshot; undefined = nothing was written. */
  snapshot: string | undefined;
}

/** What became, or would become, of each shard, without the newline at the end. */
export function printReset(report: ResetReport, output: string | undefined): string {
  if (output === 'json') return JSON.stringify(report, undefined, 2);
  const { shards, unchanged, notes, message, snapshot } = report;
  const parts: string[] = [];
  if (shards.length > 0)
    parts.push(
      printTable([
        ['SHARD', 'FROM', 'TO', 'BECAUSE'],
        ...shards.map(({ shardId, from, to, why }) => [shardId, from ?? '-', to, why]),
      ]),
    );
  if (notes.length > 0) parts.push(notes.map((note) => `- ${note}`).join('\n'));
  const same =
    unchanged > 0
      ? `; ${count(unchanged, 'shard')} left where ${unchanged === 1 ? 'it is' : 'they are'}`
      : '';
  const back =
    snapshot === undefined ? '' : ` The positions before are snapshot ${snapshot}: --undo, or --to-snapshot.`;
  parts.push(`${message}${same}.${back}`);
  return parts.join('\n\n');
}
