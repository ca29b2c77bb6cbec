import { isOpen } from '../../kinesis/shard.ts';
import type { Shard } from '../../kinesis/shard.ts';
import { compareCheckpoints } from '../../kinesis/position.ts';
import type { Lease } from '../../leases/lease.ts';
import { toAsyncKinesis } from './to-async-kinesis.ts';
import { toKcl } from './to-kcl.ts';
import type { ExportInput, ExportPlan, ExportProgram, ExportedShard } from './export-plan.ts';

/*
 * From our rows to another consumer's, for every shard that the stream lists and that has a row here. No record is lost: where the
 * other cannot say what our row says, it begins earlier, or the export is refused. What stands in its table further on than here
 * is not turned back.
 */

type Translate = (lease: Lease, shard: Shard, input: ExportInput) => ExportedShard | { refusal: string };

const PROGRAMS: Record<ExportProgram, { translate: Translate; notes: readonly string[] }> = {
  kcl: {
    translate: toKcl,
    notes: ['give KCL this table as tableName, and TRIM_HORIZON as its initial position'],
  },
  'async-kinesis': {
    translate: toAsyncKinesis,
    notes: [
      'give async-kinesis this table as table_name, and TRIM_HORIZON as iterator_type',
      'its rows expire in thirty days, and as its ttl_hours says once it runs',
    ],
  },
};

export function planExport(program: ExportProgram, input: ExportInput): ExportPlan {
  const { translate, notes } = PROGRAMS[program];
  const rows = new Map(input.leases.map((lease) => [lease.shardId, lease]));
  const translated = input.shards.flatMap((shard) => {
    const lease = rows.get(shard.shardId);
    return lease === undefined ? [] : [translate(lease, shard, input)];
  });
  const without = input.shards.filter((shard) => !rows.has(shard.shardId) && isOpen(shard));
  const refusals = [
    ...(rows.size === 0 ? ['the group has no position to export'] : []),
    ...(input.existing?.refusals ?? []),
    ...(input.existing?.isShared
      ? [`${input.existing.source} is of an application over several streams: export to a table of its own`]
      : []),
    ...translated.flatMap((at) => ('refusal' in at ? at.refusal : [])),
    ...behind(input, rows),
  ];
  return {
    shards: translated.flatMap((at) => ('refusal' in at ? [] : at)),
    notes: [
      ...notes,
      ...without.map(({ shardId }) => `${shardId} has no row here: the other begins it at TRIM_HORIZON`),
    ],
    refusals,
  };
}

/** Shards that stand further on in the table than here. */
function behind({ existing }: ExportInput, rows: ReadonlyMap<string, Lease>): string[] {
  return (existing?.positions ?? []).flatMap(({ shardId, point }) => {
    const lease = rows.get(shardId);
    if (lease === undefined || (point.at !== 'SEQUENCE' && point.at !== 'SHARD_END')) return [];
    if (compareCheckpoints(point, lease.checkpoint) <= 0) return [];
    return [`${existing!.source} has ${shardId} further on than the group: it was read by the other since`];
  });
}
