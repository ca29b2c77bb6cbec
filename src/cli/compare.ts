import { count } from '../lib/count.ts';
import type { OptionTable } from '../lib/options.ts';
import { formatDuration } from '../view/format.ts';
import { importOptions } from './import.ts';
import { printTable } from './print-table.ts';

const {
  type,
  from: _from,
  'processed-until': _until,
  'overlap-seconds': _overlap,
  'initial-position': _initial,
  'dry-run': _dryRun,
  undo: _undo,
  unmanaged: _unmanaged,
  output,
  ...shared
} = importOptions;
export const compareOptions = {
  ...shared,
  type,
  with: { type: 'string', description: "the other consumer's table, or redis://host; default: importFrom's" },
  watch: { type: 'boolean', short: 'w', description: 'redraw every two seconds, until Ctrl-C' },
  output,
} as const satisfies OptionTable;

/** Both positions of one shard, in words. */
export interface ComparedShard {
  shardId: string;
  /** Undefined = none. */
  here: string | undefined;
  there: string | undefined;
  ahead: 'here' | 'there' | 'same' | 'unknown';
  byMs: number | undefined;
  /** Of the shard there. */
  owner: string | undefined;
}

export interface Comparison {
  groupId: string;
  source: string;
  shards: readonly ComparedShard[];
  /** Why the other's rows cannot be understood. */
  refusals: readonly string[];
}

/** What `kcg compare` prints, without the newline at the end. */
export function printComparison(comparison: Comparison, format: string | undefined): string {
  if (format === 'json') return JSON.stringify(comparison, undefined, 2);
  const { groupId, source, shards, refusals } = comparison;
  const of = (side: ComparedShard['ahead']) => shards.filter(({ ahead }) => ahead === side).length;
  const head = `group ${groupId} and ${source}: ${count(shards.length, 'shard')}, ${of('here')} ahead here, ${of('there')} ahead there, ${of('same')} the same, ${of('unknown')} not known`;
  const table = printTable([
    ['SHARD', 'HERE', 'THERE', 'AHEAD', 'BY', 'OWNER THERE'],
    ...shards.map(({ shardId, here, there, ahead, byMs, owner }) => [
      shardId,
      here ?? '-',
      there ?? '-',
      ahead,
      byMs === undefined ? '-' : formatDuration(byMs),
      owner ?? '-',
    ]),
  ]);
  const parts = [head, ...(shards.length > 0 ? [table] : [])];
  if (refusals.length > 0) parts.push(refusals.map((why) => `- ${why}`).join('\n'));
  return parts.join('\n\n');
}
